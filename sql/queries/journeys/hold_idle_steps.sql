-- Takes the next steps of journeys that are not active, or whose tenant isn't, out of the due index.
--   :journey_id  only this one's, or null for all of the tenant's
--   :after       the enrollment after which to begin
--   :size        steps at most
-- The statuses are locked against a change: what is held here has a reason to be until the commit.
WITH idle AS MATERIALIZED (
  SELECT j.id
  FROM tenants AS t
  JOIN journeys AS j ON j.tenant_id = t.id
  WHERE t.id = :tenant_id
    AND (:journey_id::uuid IS NULL OR j.id = :journey_id::uuid)
    AND (t.status <> 'ACTIVE' OR j.status <> 'ACTIVE')
  FOR SHARE OF t, j
), chunk AS MATERIALIZED (
  SELECT p.journey_contact_id, p.id
  FROM pending_executions AS p
  WHERE p.tenant_id = :tenant_id
    AND p.journey_contact_id > :after
    AND p.state = 'DUE'
    AND p.journey_id = ANY (ARRAY(SELECT id FROM idle))
  ORDER BY p.journey_contact_id
  LIMIT :size
  FOR UPDATE
), held AS (
  -- By key: a step that was waited for has a new place, which this statement doesn't see.
  UPDATE pending_executions AS p SET state = 'HELD'
  FROM chunk
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = chunk.journey_contact_id
    AND p.id = chunk.id
)
SELECT count(*), max(journey_contact_id) FROM chunk;
