-- The next contacts that an import created, in order of id: all its chunks together read the
-- tenant's contacts once.
-- To be read together with enroll_picked.sql, which it begins.
WITH picked AS MATERIALIZED (
  SELECT c.id AS contact_id, true AS known, c.do_not_contact AS barred
  FROM contacts AS c
  WHERE c.tenant_id = :tenant_id AND c.import_run_id = :selection_id AND c.id > :after
  ORDER BY c.id
  LIMIT :size
)
