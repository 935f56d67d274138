-- When the last three executions of a node for an enrollment were, within the last minute; asked
-- only for nodes on a cycle.
--   :tenant_ids, :journey_contact_ids, :node_ids  the steps at hand; :now the clock
-- created_at bounds the partitions looked into; it is never before executed_at.
SELECT step.journey_contact_id, step.node_id, recent.id, recent.executed_at
FROM unnest(:tenant_ids::uuid[], :journey_contact_ids::bigint[], :node_ids::bigint[])
  AS step (tenant_id, journey_contact_id, node_id)
CROSS JOIN LATERAL (
  SELECT x.id, x.executed_at
  FROM journey_node_executions AS x
  WHERE x.node_id = step.node_id
    AND x.journey_contact_id = step.journey_contact_id
    AND x.tenant_id = step.tenant_id
    AND x.executed_at > :now::timestamptz - interval '1 minute'
    AND x.created_at > now() - interval '1 hour'
  ORDER BY x.executed_at DESC
  LIMIT 3
) AS recent;
