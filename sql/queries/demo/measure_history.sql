-- What was done for some tenants, and how long it took from the first tenant to the last event.
--   :tenant_ids
SELECT
  s.completed AS steps_completed, s.failed AS steps_failed, s.skipped AS steps_skipped,
  extract(epoch FROM
    greatest(
      (SELECT max(sent_at) FROM messages WHERE tenant_id = ANY(:tenant_ids::uuid[])),
      (SELECT max(finished_at) FROM journey_contacts WHERE tenant_id = ANY(:tenant_ids::uuid[]))
    ) - (SELECT min(created_at) FROM tenants WHERE id = ANY(:tenant_ids::uuid[]))
  )::double precision AS duration_s
FROM (
  SELECT
    count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
    count(*) FILTER (WHERE status = 'FAILED') AS failed,
    count(*) FILTER (WHERE status = 'SKIPPED') AS skipped
  FROM journey_node_executions WHERE tenant_id = ANY(:tenant_ids::uuid[])
) AS s;
