-- The next contacts: those named, :contact_ids, a chunk of them at a time.
-- To be read together with enroll_picked.sql, which it begins.
WITH picked AS MATERIALIZED (
  SELECT u.id AS contact_id, c.id IS NOT NULL AS known, coalesce(c.do_not_contact, false) AS barred
  FROM unnest(:contact_ids::uuid[]) AS u (id)
  LEFT JOIN contacts AS c ON c.tenant_id = :tenant_id AND c.id = u.id
)
