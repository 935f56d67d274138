-- Locks the steps of contacts' enrollments, in order, waiting for batches that hold them.
--   :contact_ids  the contacts
--   :journey_id   only in this journey, or null for all
-- Returns the enrollments and whether each step that this statement saw could be locked. One that
-- could not was finished by a batch meanwhile, and its next step is for another look to find.
-- Steps before enrollments: a batch that closes an enrollment holds its step.
WITH wanted AS MATERIALIZED (
  SELECT c.id FROM unnest(:contact_ids::uuid[]) AS contact (id)
  JOIN journey_contacts AS c ON c.contact_id = contact.id
  WHERE c.tenant_id = :tenant_id AND c.status = 'ACTIVE'
    AND (:journey_id::uuid IS NULL OR c.journey_id = :journey_id::uuid)
  UNION ALL
  SELECT c.id FROM unnest(:contact_ids::uuid[]) AS contact (id)
  JOIN journey_contacts AS c ON c.contact_id = contact.id
  WHERE c.tenant_id = :tenant_id AND c.status = 'PAUSED'
    AND (:journey_id::uuid IS NULL OR c.journey_id = :journey_id::uuid)
), seen AS MATERIALIZED (
  SELECT p.id
  FROM wanted
  JOIN pending_executions AS p
    ON p.tenant_id = :tenant_id AND p.journey_contact_id = wanted.id
), locked AS MATERIALIZED (
  SELECT p.id
  FROM wanted
  JOIN pending_executions AS p
    ON p.tenant_id = :tenant_id AND p.journey_contact_id = wanted.id
  ORDER BY p.journey_contact_id
  FOR UPDATE OF p
)
SELECT
  ARRAY(SELECT id FROM wanted ORDER BY id) AS ids,
  (SELECT count(*) FROM seen) = (SELECT count(*) FROM locked) AS all_locked;
