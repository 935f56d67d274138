UPDATE job_runs AS r
SET lease_until = clock_timestamp() + make_interval(secs => :lease_s)
WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.lease_token = :token
  AND r.state IN ('running', 'cancelled')
RETURNING r.state;
