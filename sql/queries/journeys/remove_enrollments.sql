-- Ends enrollments whose steps this transaction has locked, their steps, their drafts before people
-- and the contacts' unsent messages and undialed calls. What a sender holds at this moment, or is
-- being dialed, is on its way.
--   :ids          the enrollments
--   :contact_ids  the contacts
--   :journey_id   only messages and calls of this journey, or null for all
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
), requests AS (
  UPDATE response_approvals AS a SET status = 'CANCELLED', decided_at = now()
  FROM unnest(:ids::bigint[]) AS e (id)
  WHERE a.tenant_id = :tenant_id AND a.journey_contact_id = e.id AND a.status = 'PENDING'
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
), undialed AS MATERIALIZED (
  SELECT q.id
  FROM unnest(:contact_ids::uuid[]) AS contact (id)
  JOIN call_queue AS q ON q.contact_id = contact.id
  WHERE q.tenant_id = :tenant_id AND q.state IN ('QUEUED', 'HELD')
    AND (:journey_id::uuid IS NULL OR q.journey_id = :journey_id::uuid)
    -- Whoever entered since the steps were locked stays, and waits for its call's outcome.
    AND NOT EXISTS (
      SELECT FROM journey_contacts AS c
      WHERE c.tenant_id = q.tenant_id AND c.id = q.journey_contact_id
        AND c.status IN ('ACTIVE', 'PAUSED') AND c.id <> ALL (:ids::bigint[])
    )
  ORDER BY q.id
  -- One that is being allocated is left to that, which sees the enrollment's end or is past it:
  -- it holds the call and may wait for the step, which is held here.
  FOR UPDATE OF q SKIP LOCKED
), withdrawn AS (
  UPDATE call_queue AS q SET state = 'CANCELLED', error = :reason, finished_at = now()
  FROM undialed
  WHERE q.tenant_id = :tenant_id AND q.id = undialed.id
  RETURNING 1
)
SELECT
  (SELECT count(*) FROM enrollments), (SELECT count(*) FROM ended),
  (SELECT count(*) FROM cancelled), (SELECT count(*) FROM withdrawn);
