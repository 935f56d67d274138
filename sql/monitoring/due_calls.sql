-- Calls of each active tenant: how many are due (counted up to 100,000), since when in seconds, how many
-- are under way on how many lines, and of how many the outcome is overdue; the longest waiting first.
WITH calling AS (
  SELECT t.id, t.slug, t.max_calls_at_once,
    (
      SELECT count(*) FROM (
        SELECT FROM call_queue AS q
        WHERE q.tenant_id = t.id AND q.state = 'QUEUED' AND q.due_at <= now()
        LIMIT 100000
      ) AS due
    ) AS due,
    (
      SELECT q.due_at FROM call_queue AS q
      WHERE q.tenant_id = t.id AND q.state = 'QUEUED' AND q.due_at <= now()
      ORDER BY q.due_at, q.id LIMIT 1
    ) AS due_at
  FROM tenants AS t
  WHERE t.status = 'ACTIVE'
)
SELECT c.slug AS tenant, c.due, extract(epoch FROM now() - c.due_at)::bigint AS late_s,
  line.dialing, c.max_calls_at_once AS lines, line.overdue
FROM calling AS c
CROSS JOIN LATERAL (
  SELECT count(*) AS dialing, count(*) FILTER (WHERE q.lease_until <= now()) AS overdue
  FROM call_queue AS q
  WHERE q.tenant_id = c.id AND q.state = 'DIALING'
) AS line
WHERE c.due > 0 OR line.dialing > 0
ORDER BY late_s DESC NULLS LAST, tenant
LIMIT 100;
