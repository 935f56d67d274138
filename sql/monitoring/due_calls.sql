-- How long the longest waiting call of each active tenant has been due, seconds, the longest first; how
-- many wait (counted up to 100,000), how many were dialed in the last minute, and how many are under
-- way on how many lines. A tenant whose lines are all busy is left out: its calls wait for those to end.
WITH late AS (
  SELECT t.id, t.slug, t.max_calls_at_once, call.due_at, (
    SELECT count(*) FROM call_queue AS d WHERE d.tenant_id = t.id AND d.state = 'DIALING'
  ) AS dialing
  FROM tenants AS t
  CROSS JOIN LATERAL (
    SELECT q.due_at FROM call_queue AS q
    WHERE q.tenant_id = t.id AND q.state = 'QUEUED' AND q.due_at <= now()
    ORDER BY q.due_at, q.id
    LIMIT 1
  ) AS call
  WHERE t.status = 'ACTIVE'
)
SELECT l.slug AS tenant, l.due_at, extract(epoch FROM now() - l.due_at)::bigint AS late_s,
  waiting.n AS waiting, called.n AS done_last_minute, l.dialing, l.max_calls_at_once AS lines
FROM late AS l
CROSS JOIN LATERAL (
  SELECT count(*) AS n
  FROM (
    SELECT FROM call_queue AS q
    WHERE q.tenant_id = l.id AND q.state = 'QUEUED' AND q.due_at <= now()
    LIMIT 100000
  ) AS q
) AS waiting
CROSS JOIN LATERAL (
  SELECT count(*) AS n
  FROM call_logs AS k
  WHERE k.tenant_id = l.id AND k.created_at > now() - interval '1 minute'
    AND k.direction = 'outbound'
) AS called
WHERE l.dialing < l.max_calls_at_once
ORDER BY late_s DESC
LIMIT 100;
