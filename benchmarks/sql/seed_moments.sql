-- One step for each of :after_s, due so many seconds from now.
INSERT INTO pending_executions (
  tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at
)
SELECT
  n.tenant_id, n.journey_id, jc.id, n.id, now() + make_interval(secs => moment.after_s),
  now() - interval '2 hours'
FROM unnest(:after_s::float[]) WITH ORDINALITY AS moment (after_s, place)
JOIN journey_nodes AS n ON n.tenant_id = :tenant_id AND n.key = 'hello'
CROSS JOIN LATERAL (
  SELECT c.id FROM journey_contacts AS c
  WHERE c.tenant_id = n.tenant_id AND c.journey_id = n.journey_id
  ORDER BY c.id OFFSET moment.place LIMIT 1
) AS jc;
