-- What contacts who left a journey by its goal or exits still have before them: their drafts before
-- people, unsent messages and undialed calls. What a sender holds or is being dialed is on its way.
--   :tenant_ids, :contact_ids, :ids  the enrollments, ended in this transaction
WITH leaver AS MATERIALIZED (
  SELECT * FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[], :ids::bigint[])
    AS l (tenant_id, contact_id, id)
), requests AS (
  UPDATE response_approvals AS a SET status = 'CANCELLED', decided_at = :now
  FROM leaver AS l
  WHERE a.tenant_id = l.tenant_id AND a.journey_contact_id = l.id AND a.status = 'PENDING'
), unsent AS MATERIALIZED (
  SELECT m.tenant_id, m.id
  FROM leaver AS l
  JOIN messages AS m ON m.tenant_id = l.tenant_id AND m.contact_id = l.contact_id
  WHERE m.journey_contact_id = l.id AND m.status = 'QUEUED'
  ORDER BY m.id
  FOR UPDATE OF m
), cancelled AS (
  UPDATE messages AS m SET status = 'CANCELLED', error = 'the contact left the journey'
  FROM unsent
  WHERE m.tenant_id = unsent.tenant_id AND m.id = unsent.id
), undialed AS MATERIALIZED (
  SELECT q.tenant_id, q.id
  FROM leaver AS l
  JOIN call_queue AS q ON q.tenant_id = l.tenant_id AND q.contact_id = l.contact_id
  WHERE q.journey_contact_id = l.id AND q.state IN ('QUEUED', 'HELD')
  ORDER BY q.id
  FOR UPDATE OF q SKIP LOCKED -- whoever allocates one may wait for its step, which is held here
)
UPDATE call_queue AS q
SET state = 'CANCELLED', error = 'the contact left the journey', finished_at = :now
FROM undialed
WHERE q.tenant_id = undialed.tenant_id AND q.id = undialed.id;
