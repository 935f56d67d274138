-- How long the longest waiting message of each active tenant has been due, seconds, the longest first;
-- how many wait (counted up to 100,000), and how many were sent in the last minute. (They are sent in
-- order of due time, so these are looked for among the 20,000 made before the longest waiting.)
WITH late AS (
  SELECT t.id AS tenant_id, t.slug AS tenant, message.due_at
  FROM tenants AS t
  CROSS JOIN LATERAL (
    SELECT m.due_at FROM messages AS m
    WHERE m.tenant_id = t.id AND m.status = 'QUEUED' AND m.due_at <= now()
    ORDER BY m.due_at
    LIMIT 1
  ) AS message
  WHERE t.status = 'ACTIVE'
  ORDER BY message.due_at
  LIMIT 100
)
SELECT l.tenant, l.due_at, extract(epoch FROM now() - l.due_at)::bigint AS late_s, waiting.n AS waiting, done.n AS done_last_minute
FROM late AS l
CROSS JOIN LATERAL (
  SELECT count(*) AS n
  FROM (
    SELECT FROM messages AS m
    WHERE m.tenant_id = l.tenant_id AND m.status = 'QUEUED' AND m.due_at <= now()
    LIMIT 100000
  ) AS m
) AS waiting
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE m.tenant_id = l.tenant_id AND m.sent_at > now() - interval '1 minute') AS n
  FROM (
    SELECT m.tenant_id, m.sent_at FROM messages AS m
    WHERE m.created_at <= l.due_at
    ORDER BY m.created_at DESC
    LIMIT 20000
  ) AS m
) AS done
ORDER BY late_s DESC;
