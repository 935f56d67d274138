-- Puts the next held steps back into the due index where tenant, journey and enrollment are active.
--   :journey_id  only this one's, or null for all of the tenant's
--   :after       the enrollment after which to begin
--   :size        steps at most
WITH live AS MATERIALIZED (
  SELECT j.id
  FROM tenants AS t
  JOIN journeys AS j ON j.tenant_id = t.id
  WHERE t.id = :tenant_id
    AND (:journey_id::uuid IS NULL OR j.id = :journey_id::uuid)
    AND t.status = 'ACTIVE' AND j.status = 'ACTIVE'
  FOR SHARE OF t, j
), chunk AS MATERIALIZED (
  SELECT p.journey_contact_id, p.id
  FROM pending_executions AS p
  JOIN journey_contacts AS c
    ON c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id AND c.status = 'ACTIVE'
  WHERE p.tenant_id = :tenant_id
    AND p.journey_contact_id > :after
    AND p.state = 'HELD'
    AND p.journey_id = ANY (ARRAY(SELECT id FROM live))
  ORDER BY p.journey_contact_id
  LIMIT :size
  FOR UPDATE OF p
  FOR SHARE OF c
), released AS (
  -- By key: a step that was waited for has a new place, which this statement doesn't see.
  UPDATE pending_executions AS p
  SET state = 'DUE',
    -- Its call was not made meanwhile: it is given a day for the answer anew.
    scheduled_at = CASE WHEN p.wait_key = 'webhook answer' AND p.signal IS NULL
      THEN greatest(p.scheduled_at, now() + interval '1 day') ELSE p.scheduled_at END
  FROM chunk
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = chunk.journey_contact_id
    AND p.id = chunk.id
)
SELECT count(*), max(journey_contact_id) FROM chunk;
