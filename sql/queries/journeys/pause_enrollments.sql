-- Pauses enrollments whose steps this transaction has locked, and holds those.
WITH held AS (
  UPDATE pending_executions AS p SET state = 'HELD'
  FROM unnest(:ids::bigint[]) AS e (id)
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = e.id
), paused AS (
  UPDATE journey_contacts AS c SET status = 'PAUSED'
  FROM unnest(:ids::bigint[]) AS e (id)
  WHERE c.tenant_id = :tenant_id AND c.id = e.id AND c.status = 'ACTIVE'
  RETURNING 1
)
SELECT count(*) FROM paused;
