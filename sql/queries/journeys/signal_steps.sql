-- Hands events to the steps that wait for them; those are due at once.
--   :tenant_ids, :contact_ids, :keys, :payloads  the events
-- The first event a step gets stands. A step whose batch is under way is waited for, and gone
-- then: its time was over. One that is held keeps the event until it is released.
WITH event AS (
  SELECT DISTINCT ON (tenant_id, contact_id, key) *
  FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[], :keys::text[], :payloads::jsonb[])
    WITH ORDINALITY AS e (tenant_id, contact_id, key, payload, number)
  ORDER BY tenant_id, contact_id, key, number
), waiting AS MATERIALIZED (
  -- In order of enrollments, as all who lock steps do.
  SELECT p.tenant_id, p.journey_contact_id, p.id, jc.contact_id, event.key, event.payload
  FROM event
  JOIN journey_contacts AS jc
    ON jc.tenant_id = event.tenant_id AND jc.contact_id = event.contact_id
    AND jc.status IN ('ACTIVE', 'PAUSED')
  JOIN pending_executions AS p
    ON p.tenant_id = jc.tenant_id AND p.journey_contact_id = jc.id AND p.wait_key = event.key
  WHERE p.signal IS NULL
  ORDER BY p.journey_contact_id
  FOR UPDATE OF p
)
UPDATE pending_executions AS p
SET signal = waiting.payload, scheduled_at = coalesce(:now::timestamptz, statement_timestamp())
FROM waiting
-- By key: a step that was waited for has a new place, which this statement doesn't see.
WHERE (p.tenant_id, p.journey_contact_id, p.id)
  = (waiting.tenant_id, waiting.journey_contact_id, waiting.id)
RETURNING p.tenant_id, waiting.contact_id, waiting.key;
