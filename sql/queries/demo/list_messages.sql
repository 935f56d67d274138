-- Every message of some tenants: (id, which is its idempotency key; whether it counts as sent).
--   :tenant_ids
SELECT id, status = 'SENT' AS sent
FROM messages
WHERE tenant_id = ANY(:tenant_ids::uuid[]);
