INSERT INTO journey_contacts (tenant_id, journey_id, contact_id, version, source, entered_at)
SELECT c.tenant_id, j.id, c.id, j.version, 'manual', now() - interval '2 hours'
FROM unnest(:tenant_ids::uuid[]) AS t (id)
JOIN journeys AS j ON j.tenant_id = t.id
JOIN contacts AS c ON c.tenant_id = t.id;
