-- How long the longest waiting step of each active tenant has been due, seconds, the longest first;
-- how many wait (counted up to 100,000), and how many were done in the last minute.
-- Steps of paused journeys and enrollments wait on purpose and are not looked at; of a tenant with
-- more than 10,000 such steps in front, the rest isn't either.
WITH late AS (
  SELECT t.id AS tenant_id, t.slug AS tenant, step.scheduled_at
  FROM tenants AS t
  CROSS JOIN LATERAL (
    SELECT p.scheduled_at
    FROM (
      SELECT * FROM pending_executions AS p
      WHERE p.tenant_id = t.id AND p.state = 'DUE' AND p.scheduled_at <= now()
      ORDER BY p.scheduled_at
      LIMIT 10000
    ) AS p
    JOIN journeys AS j
      ON j.tenant_id = p.tenant_id AND j.id = p.journey_id AND j.status = 'ACTIVE'
    JOIN journey_contacts AS jc
      ON jc.tenant_id = p.tenant_id AND jc.id = p.journey_contact_id AND jc.status = 'ACTIVE'
    ORDER BY p.scheduled_at
    LIMIT 1
  ) AS step
  WHERE t.status = 'ACTIVE'
  ORDER BY step.scheduled_at
  LIMIT 100
)
SELECT l.tenant, l.scheduled_at, extract(epoch FROM now() - l.scheduled_at)::bigint AS late_s, waiting.n AS waiting, done.n AS done_last_minute
FROM late AS l
CROSS JOIN LATERAL (
  SELECT count(*) AS n
  FROM (
    SELECT FROM pending_executions AS p
    WHERE p.tenant_id = l.tenant_id AND p.state = 'DUE' AND p.scheduled_at <= now()
    LIMIT 100000
  ) AS p
) AS waiting
CROSS JOIN LATERAL (
  SELECT coalesce(sum(b.completed) FILTER (WHERE b.finished_at > now() - interval '1 minute'), 0) AS n
  FROM (
    SELECT b.completed, b.finished_at FROM batch_runs AS b
    WHERE b.tenant_id = l.tenant_id
    ORDER BY b.id DESC
    LIMIT 5000
  ) AS b
) AS done
ORDER BY late_s DESC;
