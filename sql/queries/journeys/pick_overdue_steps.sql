-- The next overdue steps that a resume brings back, in order of their enrollments.
--   :journey_id  this one's, or null for all active ones of the tenant
--   :before      who came to the node later is left out: a skip killed midway doesn't skip twice
-- To be read together with spread_steps.sql or skip_steps.sql, which it begins.
WITH chunk AS MATERIALIZED (
  SELECT p.*
  FROM pending_executions AS p
  JOIN journeys AS j ON j.tenant_id = p.tenant_id AND j.id = p.journey_id
  JOIN journey_contacts AS c
    ON c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id AND c.status = 'ACTIVE'
  WHERE p.tenant_id = :tenant_id
    AND CASE WHEN :journey_id::uuid IS NULL THEN j.status = 'ACTIVE' ELSE j.id = :journey_id::uuid END
    AND p.journey_contact_id > :after
    AND p.scheduled_at <= :now
    AND p.entered_at <= :before
  ORDER BY p.journey_contact_id
  LIMIT :size
  FOR UPDATE OF p
)
