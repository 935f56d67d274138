-- Changes that nobody has looked after; locked, and handled with this transaction's commit. Those of
-- other days are forgotten: they are what caches of a few minutes are held against.
WITH forgotten AS (
  DELETE FROM number_changes WHERE handled_at < now() - interval '1 day'
), handled AS (
  UPDATE number_changes SET handled_at = now() WHERE handled_at IS NULL RETURNING id
)
SELECT count(*) FROM handled;
