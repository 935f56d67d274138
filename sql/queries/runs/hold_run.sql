-- At a chunk's start. The row lock keeps the run from being taken up elsewhere while the chunk's
-- transaction lives, however long the chunk takes; it doesn't stand in the way of foreign keys.
SELECT r.state
FROM job_runs AS r
WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.lease_token = :token
FOR NO KEY UPDATE;
