-- Runs that ended long ago, of each kind the oldest first, a bounded number at a time; with them goes
-- what refers to them, an import's list of errors. From kind to kind the index is leapt through.
--   :kinds, :days  arrays: how long each is kept
--   :other_days    those not named there
WITH RECURSIVE ended_kinds AS (
  (
    SELECT r.kind
    FROM job_runs AS r
    WHERE r.state IN ('succeeded', 'failed', 'cancelled')
    ORDER BY r.kind
    LIMIT 1
  )
  UNION ALL
  SELECT next.kind
  FROM ended_kinds AS e
  CROSS JOIN LATERAL (
    SELECT r.kind
    FROM job_runs AS r
    WHERE r.state IN ('succeeded', 'failed', 'cancelled') AND r.kind > e.kind
    ORDER BY r.kind
    LIMIT 1
  ) AS next
), old AS MATERIALIZED (
  SELECT d.tenant_id, d.id
  FROM ended_kinds AS e
  LEFT JOIN unnest(:kinds::text[], :days::int[]) AS k (kind, days) ON k.kind = e.kind
  CROSS JOIN LATERAL (
    SELECT r.tenant_id, r.id
    FROM job_runs AS r
    WHERE r.state IN ('succeeded', 'failed', 'cancelled') AND r.kind = e.kind
      AND r.finished_at < now() - make_interval(days => coalesce(k.days, :other_days))
    ORDER BY r.finished_at
    LIMIT :size
    FOR UPDATE SKIP LOCKED
  ) AS d
  LIMIT :size
)
DELETE FROM job_runs AS r
USING old
WHERE r.tenant_id = old.tenant_id AND r.id = old.id;
