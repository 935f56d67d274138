-- A page of an import's error list, in the order of the file.
SELECT e.line_number, e.reason, e.row
FROM import_errors AS e
WHERE e.tenant_id = :tenant_id AND e.run_id = :run_id AND e.line_number > :after
ORDER BY e.line_number
LIMIT :size;
