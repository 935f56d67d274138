-- The tenant's next contacts, in order of id.
-- To be read together with enroll_picked.sql, which it begins.
WITH picked AS MATERIALIZED (
  SELECT c.id AS contact_id, true AS known, c.do_not_contact AS barred
  FROM contacts AS c
  WHERE c.tenant_id = :tenant_id AND c.id > :after
  ORDER BY c.id
  LIMIT :size
)
