-- What tenants sell, as far as leads are scored by it.
SELECT s.tenant_id, s.category, s.price, s.currency, s.keywords
FROM unnest(:tenant_ids::uuid[]) AS wanted (tenant_id)
JOIN services AS s USING (tenant_id)
WHERE s.active
ORDER BY s.tenant_id, s.id;
