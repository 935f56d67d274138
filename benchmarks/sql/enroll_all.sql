-- Every contact of a tenant into its journey, the first step due, in one statement.
WITH journey AS MATERIALIZED (
  SELECT j.id, j.version, n.id AS node_id
  FROM journeys AS j
  JOIN journey_nodes AS n
    ON n.tenant_id = j.tenant_id AND n.journey_id = j.id AND n.version = j.version AND n.is_start
  WHERE j.tenant_id = :tenant_id AND j.status = 'ACTIVE'
), entered AS (
  INSERT INTO journey_contacts (tenant_id, journey_id, contact_id, version, source)
  SELECT c.tenant_id, j.id, c.id, j.version, 'segment'
  FROM contacts AS c CROSS JOIN journey AS j
  WHERE c.tenant_id = :tenant_id AND NOT c.do_not_contact
  ON CONFLICT (tenant_id, journey_id, contact_id, entry_no) DO NOTHING
  RETURNING id
)
INSERT INTO pending_executions (
  tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at
)
SELECT :tenant_id, j.id, e.id, j.node_id, now(), now()
FROM entered AS e CROSS JOIN journey AS j;
