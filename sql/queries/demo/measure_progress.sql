-- How far some tenants' contacts are: one row.
--   :tenant_ids
SELECT
  (SELECT count(*) FROM contacts WHERE tenant_id = ANY(:tenant_ids::uuid[])) AS contacts,
  e.active, e.completed, e.failed,
  (SELECT count(*) FROM journey_node_executions
   WHERE tenant_id = ANY(:tenant_ids::uuid[])) AS steps,
  m.waiting AS messages_waiting, m.sent AS messages_sent, m.failed AS messages_failed,
  (SELECT coalesce(extract(epoch FROM now() - min(scheduled_at)), 0)::double precision
   FROM pending_executions
   WHERE tenant_id = ANY(:tenant_ids::uuid[]) AND state = 'DUE' AND scheduled_at <= now()
  ) AS late_s
FROM (
  SELECT
    count(*) FILTER (WHERE status IN ('ACTIVE', 'PAUSED')) AS active,
    count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
    count(*) FILTER (WHERE status IN ('FAILED', 'REMOVED')) AS failed
  FROM journey_contacts WHERE tenant_id = ANY(:tenant_ids::uuid[])
) AS e
CROSS JOIN (
  SELECT
    count(*) FILTER (WHERE status IN ('QUEUED', 'SENDING')) AS waiting,
    count(*) FILTER (WHERE status = 'SENT') AS sent,
    count(*) FILTER (WHERE status IN ('FAILED', 'CANCELLED')) AS failed
  FROM messages WHERE tenant_id = ANY(:tenant_ids::uuid[])
) AS m;
