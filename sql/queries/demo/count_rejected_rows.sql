-- Rows that imports of some tenants refused: (reason, rows), the most frequent first.
--   :tenant_ids
SELECT reason, count(*) AS rows
FROM import_errors
WHERE tenant_id = ANY(:tenant_ids::uuid[])
GROUP BY reason
ORDER BY rows DESC, reason;
