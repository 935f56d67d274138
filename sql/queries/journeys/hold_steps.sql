-- Holds steps, out of the due index, and pauses their enrollments: both go on when those are resumed.
--   :ctids, :ids, :reasons  the steps, claimed in this transaction
WITH held AS (
  UPDATE pending_executions AS p
  SET state = 'HELD', error = step.reason
  FROM unnest(:ids::bigint[], :reasons::text[]) AS step (id, reason)
  WHERE p.ctid = ANY (:ctids::text[]::tid[]) AND p.id = step.id
  RETURNING p.tenant_id, p.journey_contact_id
)
UPDATE journey_contacts AS c SET status = 'PAUSED'
FROM held
WHERE c.tenant_id = held.tenant_id AND c.id = held.journey_contact_id AND c.status = 'ACTIVE';
