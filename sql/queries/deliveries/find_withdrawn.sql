-- Which claimed messages must not begin to be sent any more: whose tenant, journey, enrollment or
-- contact was suspended, paused, removed or forbidden since the claim, whose hours are over, or whose
-- lease is lost. Given
-- back, the next claim says what becomes of them.
-- Parameters: lease_token uuid, now (null: the database's clock) and one array a column: tenant_ids, ids. Returns ids.
SELECT w.id
FROM unnest(:tenant_ids::uuid[], :ids::uuid[]) AS w (tenant_id, id)
LEFT JOIN LATERAL (
  SELECT k.contact_id, k.journey_id, k.journey_contact_id, k.sendable_until
  FROM messages AS k
  WHERE k.tenant_id = w.tenant_id AND k.id = w.id
    AND k.status = 'SENDING' AND k.lease_token = :lease_token
  OFFSET 0
) AS m ON true
WHERE m.contact_id IS NULL
  OR m.sendable_until <= coalesce(:now::timestamptz, now())
  OR (SELECT t.status <> 'ACTIVE' FROM tenants AS t WHERE t.id = w.tenant_id)
  OR (
    SELECT c.do_not_contact FROM contacts AS c
    WHERE c.tenant_id = w.tenant_id AND c.id = m.contact_id
  )
  OR (
    SELECT j.status <> 'ACTIVE' FROM journeys AS j
    WHERE j.tenant_id = w.tenant_id AND j.id = m.journey_id
  )
  OR (
    SELECT e.status IN ('REMOVED', 'PAUSED') FROM journey_contacts AS e
    WHERE e.tenant_id = w.tenant_id AND e.id = m.journey_contact_id
  );
