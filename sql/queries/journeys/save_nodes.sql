-- The nodes of a new version.
INSERT INTO journey_nodes (tenant_id, journey_id, version, key, type, config, edges, is_start, on_cycle)
SELECT :tenant_id, :journey_id, :version, n.key, n.type, n.config, n.edges, n.key = :start, n.on_cycle
FROM unnest(:keys::text[], :types::text[], :configs::jsonb[], :edges::jsonb[],
  :on_cycles::boolean[])
  AS n (key, type, config, edges, on_cycle);
