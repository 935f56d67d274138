-- The next steps at nodes that go by local time, locked; those that wait for an event don't.
SELECT
  p.ctid::text AS ctid, p.tenant_id, p.id, p.journey_id, p.journey_contact_id, p.node_id,
  p.scheduled_at, p.attempts, p.entered_at,
  c.contact_id, c.version, c.entered_at AS enrolled_at, c.data, :now::timestamptz AS now, p.steps
FROM pending_executions AS p
JOIN journey_contacts AS c ON c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id
WHERE p.tenant_id = :tenant_id
  AND p.journey_contact_id > :after
  AND p.node_id = ANY (:node_ids::bigint[])
  AND p.wait_key IS NULL
ORDER BY p.journey_contact_id
LIMIT :size
FOR UPDATE OF p;
