-- The next contacts that an import created, locked in order of id, as whoever changes many contacts
-- does. Until the transaction ends nothing new can refer to them; what refers to them already is
-- seen by the statement after this one.
-- An import's contacts are found by when they were made: nothing was before it was asked for.
--   :after_at, :after  the last one of the chunk before
WITH picked AS MATERIALIZED (
  SELECT c.created_at, c.id
  FROM contacts AS c
  WHERE c.tenant_id = :tenant_id AND c.import_run_id = :run_id
    AND c.created_at >= :after_at AND (c.created_at, c.id) > (:after_at, :after::uuid)
  ORDER BY c.created_at, c.id
  LIMIT :size
)
SELECT c.created_at, c.id
FROM picked AS p
JOIN contacts AS c ON c.tenant_id = :tenant_id AND c.id = p.id
ORDER BY c.id
FOR UPDATE OF c;
