-- At a chunk's end, in its transaction. The lease counts from now, not from the chunk's start. What
-- has moved the cursor doesn't count as an attempt: deployments and dying machines must not fail a
-- long import. A run that moves nothing comes to its last attempt.
--   :attempts  as the claim counted them
UPDATE job_runs AS r
SET cursor = :cursor,
    progress_done = :done,
    progress_total = coalesce(:total::bigint, r.progress_total),
    attempts = :attempts - 1,
    lease_until = clock_timestamp() + make_interval(secs => :lease_s)
WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.lease_token = :token
  AND r.state IN ('running', 'cancelled')
RETURNING r.state;
