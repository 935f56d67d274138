-- All nodes of the journey versions that a batch stands in. The start node brings the tests by which
-- contacts leave the journey: those of the file applied last, whatever the version.
--   :tenant_ids, :journey_ids, :versions  triples, each once
SELECT n.tenant_id, n.journey_id, n.version, n.id, n.key, n.type, n.config, n.edges, n.is_start,
  n.on_cycle,
  CASE
    WHEN n.is_start AND j.definition ?| ARRAY['exit', 'goal']
    THEN jsonb_build_object('exit', j.definition -> 'exit', 'goal', j.definition -> 'goal')
  END AS exits
FROM unnest(:tenant_ids::uuid[], :journey_ids::uuid[], :versions::integer[])
  AS wanted (tenant_id, journey_id, version)
JOIN journey_nodes AS n USING (tenant_id, journey_id, version)
JOIN journeys AS j ON j.tenant_id = n.tenant_id AND j.id = n.journey_id
ORDER BY n.id;
