-- How nodes were last left by an enrollment; asked only for nodes whose results others look at.
--   :tenant_ids, :journey_ids, :journey_contact_ids, :keys, :sinces  what is asked for; nothing of
--   it was written before since, which bounds the partitions looked into (null: no bound)
-- A node of another version counts, where it has the same name: contacts may be moved on.
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :journey_ids::uuid[], :journey_contact_ids::bigint[], :keys::text[],
    :sinces::timestamptz[]
  ) AS w (tenant_id, journey_id, journey_contact_id, key, since)
), node AS MATERIALIZED (
  SELECT n.tenant_id, n.journey_id, n.key, array_agg(n.id) AS ids
  FROM (SELECT DISTINCT tenant_id, journey_id, key FROM wanted) AS named
  JOIN journey_nodes AS n USING (tenant_id, journey_id, key)
  GROUP BY n.tenant_id, n.journey_id, n.key
)
SELECT wanted.tenant_id, wanted.journey_contact_id, wanted.key, last.outcome, last.result
FROM wanted
JOIN node USING (tenant_id, journey_id, key)
CROSS JOIN LATERAL (
  SELECT x.outcome, x.result
  FROM journey_node_executions AS x
  WHERE x.node_id = ANY (node.ids)
    AND x.journey_contact_id = wanted.journey_contact_id
    AND x.tenant_id = wanted.tenant_id
    AND x.created_at >= coalesce(wanted.since, '-infinity')
  ORDER BY x.executed_at DESC NULLS LAST, x.id DESC
  LIMIT 1
) AS last;
