-- How long the longest waiting webhook call of each active tenant has been due, seconds, the longest
-- first. A tenant with calls under way is left out: what is due there waits for those to end.
SELECT t.slug AS tenant, call.due_at, extract(epoch FROM now() - call.due_at)::bigint AS late_s
FROM tenants AS t
CROSS JOIN LATERAL (
  SELECT c.due_at FROM webhook_calls AS c
  WHERE c.tenant_id = t.id AND c.due_at <= now()
  ORDER BY c.due_at
  LIMIT 1
) AS call
WHERE t.status = 'ACTIVE'
  AND NOT EXISTS (
    SELECT FROM webhook_calls AS u
    WHERE u.tenant_id = t.id AND u.lease_token IS NOT NULL AND u.due_at > now()
  )
ORDER BY late_s DESC
LIMIT 100;
