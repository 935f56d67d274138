-- Journeys with the contacts in flight.
--   :tenant_slug  only this tenant's, or null for all
SELECT
  t.slug AS tenant, j.id, j.key, j.name, j.status, j.version,
  (SELECT count(*) FROM journey_contacts AS jc
   WHERE jc.journey_id = j.id AND jc.tenant_id = j.tenant_id AND jc.status = 'ACTIVE'
  ) AS active_contacts
FROM journeys AS j
JOIN tenants AS t ON t.id = j.tenant_id
WHERE :tenant_slug::text IS NULL OR t.slug = :tenant_slug::text
ORDER BY t.slug, j.key;
