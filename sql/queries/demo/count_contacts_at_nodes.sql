-- Where some tenants' contacts stand now: (node key, contacts), in the order the nodes were written.
--   :tenant_ids
SELECT n.key, coalesce(sum(p.contacts), 0)::bigint AS contacts
FROM journey_nodes AS n
LEFT JOIN (
  SELECT tenant_id, node_id, count(*) AS contacts
  FROM pending_executions
  WHERE tenant_id = ANY(:tenant_ids::uuid[])
  GROUP BY tenant_id, node_id
) AS p ON p.tenant_id = n.tenant_id AND p.node_id = n.id
WHERE n.tenant_id = ANY(:tenant_ids::uuid[])
GROUP BY n.key
ORDER BY min(n.id);
