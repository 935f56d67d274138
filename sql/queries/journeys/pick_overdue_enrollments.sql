-- The overdue steps of these enrollments, of those that are paused, all locked by this transaction.
-- To be read together with spread_steps.sql or skip_steps.sql, which it begins.
WITH chunk AS MATERIALIZED (
  SELECT p.*
  FROM unnest(:ids::bigint[]) AS wanted (id)
  JOIN journey_contacts AS c ON c.tenant_id = :tenant_id AND c.id = wanted.id AND c.status = 'PAUSED'
  JOIN pending_executions AS p
    ON p.tenant_id = :tenant_id AND p.journey_contact_id = wanted.id
  WHERE p.scheduled_at <= :now
)
