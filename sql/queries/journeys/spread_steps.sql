-- The rest of the statement that a pick_overdue_*.sql begins: spreads the picked steps evenly over
-- a stretch of time, in order of their enrollments.
--   :done, :total  how many came before, and how many there are in all
, placed AS (
  SELECT tenant_id, journey_contact_id, id,
    row_number() OVER (ORDER BY journey_contact_id) - 1 AS n
  FROM chunk
), spread AS (
  UPDATE pending_executions AS p
  SET scheduled_at = :now::timestamptz
    + make_interval(secs => :spread_s * least((:done + placed.n)::float8 / greatest(:total, 1), 1)),
    -- It is no rule any more that puts it off.
    error = CASE WHEN p.attempts > 0 THEN p.error END
  FROM placed
  -- By key: a step that was waited for has a new place, which this statement doesn't see.
  WHERE (p.tenant_id, p.journey_contact_id, p.id)
    = (placed.tenant_id, placed.journey_contact_id, placed.id)
)
SELECT count(*), max(journey_contact_id), count(*) FROM chunk;
