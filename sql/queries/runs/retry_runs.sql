-- Runs that failed or were cancelled are queued again, to go on where they stopped; the first to end
-- goes first. One whose key another unfinished run has stays as it is.
--   :tenant_id, :run_id, :kind, :error (a part of it), :since  null: any
--   :states      of failed and cancelled
--   :spacing_s   from one start to the next; 0: all at once
--   :at_most     so many
WITH picked AS MATERIALIZED (
  SELECT r.tenant_id, r.id, r.kind, r.unique_key, r.folds, r.finished_at
  FROM job_runs AS r
  WHERE r.state IN ('failed', 'cancelled') AND r.state = ANY (:states::text[])
    AND (:tenant_id::uuid IS NULL OR r.tenant_id = :tenant_id::uuid)
    AND (:run_id::uuid IS NULL OR r.id = :run_id::uuid)
    AND (:kind::text IS NULL OR r.kind = :kind::text)
    AND (:error::text IS NULL OR strpos(r.error, :error::text) > 0)
    AND (:since::timestamptz IS NULL OR r.finished_at >= :since::timestamptz)
    AND (r.unique_key IS NULL OR (r.folds AND r.started_at IS NOT NULL) OR NOT EXISTS (
      SELECT FROM job_runs AS o
      WHERE o.tenant_id = r.tenant_id AND o.kind = r.kind AND o.unique_key = r.unique_key
        AND o.folds = r.folds AND o.state IN ('queued', 'running')
        AND (NOT r.folds OR (o.state = 'queued' AND o.started_at IS NULL))
    ))
  ORDER BY r.finished_at, r.id
  LIMIT :at_most
  FOR UPDATE SKIP LOCKED
), once AS (
  SELECT p.*,
         row_number() OVER (PARTITION BY p.tenant_id, p.kind, coalesce(p.unique_key, p.id::text)
                            ORDER BY p.finished_at DESC, p.id DESC) AS of_key
  FROM picked AS p
), placed AS (
  SELECT o.tenant_id, o.id, row_number() OVER (ORDER BY o.finished_at, o.id) - 1 AS place
  FROM once AS o
  WHERE o.of_key = 1
), retried AS (
  UPDATE job_runs AS r
  SET state = 'queued', run_at = now() + make_interval(secs => :spacing_s * p.place), attempts = 0,
      error = NULL, finished_at = NULL, lease_token = NULL, lease_until = NULL
  FROM placed AS p
  WHERE r.tenant_id = p.tenant_id AND r.id = p.id
  RETURNING r.id, p.place
)
SELECT id, CASE WHEN place = 0 THEN pg_notify('trunkline', 'runs')::text END FROM retried ORDER BY place;
