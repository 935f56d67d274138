-- Runs whose worker died at the last attempt they had. They are ended here, not tried for ever.
UPDATE job_runs AS r
SET state = 'failed', error = 'worker died', finished_at = now(),
    lease_token = NULL, lease_until = NULL
WHERE (r.tenant_id, r.id) IN (
  SELECT d.tenant_id, d.id
  FROM job_runs AS d
  WHERE d.state = 'running' AND d.lease_until < now()
    AND d.attempts >= coalesce(d.max_attempts, :max_attempts)
  FOR UPDATE SKIP LOCKED
)
RETURNING r.tenant_id, r.id;
