-- Takes back the open requests of an archived journey, at most :size at a time. Their steps are as
-- if they had just come: a journey that is resumed asks anew.
-- Steps are locked before requests, as whoever decides does. One that has its decision keeps it.
WITH chunk AS MATERIALIZED (
  SELECT a.id, a.journey_contact_id, a.execution_id
  FROM response_approvals AS a
  WHERE a.tenant_id = :tenant_id AND a.journey_id = :journey_id AND a.status = 'PENDING'
  ORDER BY a.journey_contact_id
  LIMIT :size
), step AS MATERIALIZED (
  SELECT p.journey_contact_id, p.id
  FROM chunk
  JOIN pending_executions AS p
    ON p.tenant_id = :tenant_id AND p.journey_contact_id = chunk.journey_contact_id
    AND p.id = chunk.execution_id AND p.signal IS NULL
  ORDER BY p.journey_contact_id, p.id
  FOR UPDATE OF p
), asking_anew AS (
  UPDATE pending_executions AS p SET wait_key = NULL, scheduled_at = now()
  FROM step
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = step.journey_contact_id
    AND p.id = step.id AND p.signal IS NULL
)
UPDATE response_approvals AS a SET status = 'CANCELLED', decided_at = now()
FROM chunk
WHERE a.tenant_id = :tenant_id AND a.id = chunk.id AND a.status = 'PENDING'
  AND (SELECT count(*) FROM step) >= 0; -- so that the steps are locked first
