-- Notes all contacts in a journey, whose goal or exits have changed.
INSERT INTO changed_contacts (tenant_id, contact_id)
SELECT DISTINCT c.tenant_id, c.contact_id
FROM journey_contacts AS c
WHERE c.tenant_id = :tenant_id AND c.journey_id = :journey_id AND c.status IN ('ACTIVE', 'PAUSED');
