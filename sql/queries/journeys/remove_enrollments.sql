-- Ends enrollments whose steps this transaction has locked, their steps and the contacts' unsent
-- messages. A message that a sender holds at this moment is on its way.
--   :ids          the enrollments
--   :contact_ids  the contacts
--   :journey_id   only messages of this journey, or null for all
--   :status       REMOVED, or COMPLETED where a goal was reached
WITH ended AS (
  DELETE FROM pending_executions AS p
  USING unnest(:ids::bigint[]) AS e (id)
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = e.id
  RETURNING 1
), enrollments AS (
  UPDATE journey_contacts AS c
  SET status = :status, error = :reason, finished_at = now()
  FROM unnest(:ids::bigint[]) AS e (id)
  WHERE c.tenant_id = :tenant_id AND c.id = e.id AND c.status IN ('ACTIVE', 'PAUSED')
  RETURNING 1
), unsent AS MATERIALIZED (
  SELECT m.id
  FROM unnest(:contact_ids::uuid[]) AS contact (id)
  JOIN messages AS m ON m.contact_id = contact.id
  WHERE m.tenant_id = :tenant_id AND m.status = 'QUEUED'
    AND (:journey_id::uuid IS NULL OR m.journey_id = :journey_id::uuid)
  ORDER BY m.id
  FOR UPDATE OF m
), cancelled AS (
  UPDATE messages AS m SET status = 'CANCELLED', error = :reason
  FROM unsent
  WHERE m.tenant_id = :tenant_id AND m.id = unsent.id
  RETURNING 1
)
SELECT
  (SELECT count(*) FROM enrollments), (SELECT count(*) FROM ended),
  (SELECT count(*) FROM cancelled);
