-- The next numbers that an import created, locked in order of id.
SELECT d.created_at, d.id
FROM dids AS d
WHERE d.tenant_id = :tenant_id AND d.import_run_id = :run_id AND d.id > :after::uuid
ORDER BY d.id
LIMIT :size
FOR UPDATE;
