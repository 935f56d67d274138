--   :attempts  as the claim counted them: the one that ends the run counts, wherever it began
UPDATE job_runs AS r
SET state = 'succeeded', result = :result, error = NULL, finished_at = now(),
    attempts = :attempts, progress_total = r.progress_done, lease_token = NULL, lease_until = NULL
WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.lease_token = :token
  AND r.state = 'running'
RETURNING r.state;
