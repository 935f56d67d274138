-- All nodes of a tenant's journeys, or of one of them, of every version that contacts are on.
SELECT n.tenant_id, n.journey_id, n.version, n.id, n.key, n.type, n.config, n.edges, n.is_start
FROM journey_nodes AS n
WHERE n.tenant_id = :tenant_id
  AND (:journey_id::uuid IS NULL OR n.journey_id = :journey_id::uuid)
ORDER BY n.journey_id, n.version;
