-- Queued again after a wait that doubles with each attempt, up to an hour; or ended. An attempt that
-- moved the cursor has been taken back by then (checkpoint_run.sql).
--   :attempts  as the claim counted them: the one that ends the run counts
UPDATE job_runs AS r
SET state = CASE WHEN f.ended THEN 'failed' ELSE 'queued' END,
    run_at = CASE WHEN f.ended THEN r.run_at ELSE now() + f.wait END,
    finished_at = CASE WHEN f.ended THEN now() END,
    attempts = CASE WHEN f.ended THEN :attempts ELSE r.attempts END,
    error = :error, lease_token = NULL, lease_until = NULL
FROM (
  SELECT d.tenant_id, d.id,
         :definite OR d.attempts >= coalesce(d.max_attempts, :max_attempts) AS ended,
         least(
           make_interval(secs => :backoff_s * 2 ^ greatest(0, least(d.attempts - 1, 30))), interval '1 hour'
         ) AS wait
  FROM job_runs AS d
  WHERE d.tenant_id = :tenant_id AND d.id = :id
) AS f
WHERE r.tenant_id = f.tenant_id AND r.id = f.id
  AND r.lease_token = :token AND r.state = 'running'
RETURNING r.state;
