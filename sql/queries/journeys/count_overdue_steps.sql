-- Steps whose time passed while they were held back: of a journey, or of all that a tenant's
-- resume brings back.
SELECT count(*)
FROM pending_executions AS p
JOIN journeys AS j ON j.tenant_id = p.tenant_id AND j.id = p.journey_id
JOIN journey_contacts AS c
  ON c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id AND c.status = 'ACTIVE'
WHERE p.tenant_id = :tenant_id
  AND CASE WHEN :journey_id::uuid IS NULL THEN j.status = 'ACTIVE' ELSE j.id = :journey_id::uuid END
  AND p.scheduled_at <= :now;
