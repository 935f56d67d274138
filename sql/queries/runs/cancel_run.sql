-- The token stays: the worker that holds it sees the state at its next chunk.
UPDATE job_runs AS r
SET state = 'cancelled', finished_at = now()
WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.state IN ('queued', 'running')
RETURNING r.id;
