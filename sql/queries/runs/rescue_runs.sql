-- Runs whose worker died are queued again, in their old place; at the last attempt they had they
-- end here, and are not tried for ever. Returns those that ended. A chunk under way holds its run's
-- row, and is left alone.
WITH lost AS MATERIALIZED (
  SELECT d.tenant_id, d.id, d.attempts >= coalesce(d.max_attempts, :max_attempts) AS ended
  FROM job_runs AS d
  WHERE d.state = 'running' AND d.lease_until < now()
  FOR UPDATE SKIP LOCKED
), rescued AS (
  UPDATE job_runs AS r
  SET state = CASE WHEN lost.ended THEN 'failed' ELSE 'queued' END,
      finished_at = CASE WHEN lost.ended THEN now() END,
      error = 'worker died', lease_token = NULL, lease_until = NULL
  FROM lost
  WHERE r.tenant_id = lost.tenant_id AND r.id = lost.id
  RETURNING r.tenant_id, r.id, r.state
)
SELECT tenant_id, id FROM rescued WHERE state = 'failed';
