-- A worker that is told to stop, or that was the victim of a deadlock, hands its run back: that is
-- no attempt.
--   :attempts  as the claim counted them
UPDATE job_runs AS r
SET state = 'queued', lease_token = NULL, lease_until = NULL, attempts = :attempts - 1
WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.lease_token = :token
  AND r.state = 'running'
RETURNING pg_notify('trunkline', 'runs');
