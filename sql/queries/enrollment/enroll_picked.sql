-- The rest of the statement that a pick_*.sql begins: whoever may enter the journey enters it, and
-- whoever has entered has a first step due. Tenant and journey are locked against a pause or a new
-- version until the commit; if either isn't active, nobody enters and active is false.
-- Who was in the journey before enters once more where its reentry allows it.
, journey AS MATERIALIZED (
  SELECT j.id, j.version, j.reentry, n.id AS node_id
  FROM journeys AS j
  JOIN tenants AS t ON t.id = j.tenant_id AND t.status = 'ACTIVE'
  JOIN journey_nodes AS n
    ON n.tenant_id = j.tenant_id AND n.journey_id = j.id AND n.version = j.version AND n.is_start
  WHERE j.tenant_id = :tenant_id AND j.id = :journey_id AND j.status = 'ACTIVE'
  FOR SHARE OF t, j
), candidate AS MATERIALIZED (
  SELECT p.contact_id, coalesce(before.entries, 0) + 1 AS entry_no,
    j.reentry = 'many_not_concurrent' AND coalesce(before.inside, false) AS inside
  FROM picked AS p
  CROSS JOIN journey AS j
  CROSS JOIN LATERAL (
    SELECT max(c.entry_no) AS entries, bool_or(c.status IN ('ACTIVE', 'PAUSED')) AS inside
    FROM journey_contacts AS c
    WHERE j.reentry <> 'once'
      AND c.tenant_id = :tenant_id AND c.journey_id = j.id AND c.contact_id = p.contact_id
  ) AS before
  WHERE p.known AND NOT p.barred
), entered AS (
  INSERT INTO journey_contacts (tenant_id, journey_id, contact_id, version, entry_no, source, data)
  SELECT :tenant_id, j.id, c.contact_id, j.version, c.entry_no, :source, :data
  FROM candidate AS c CROSS JOIN journey AS j
  WHERE NOT c.inside
  ORDER BY c.contact_id
  -- Of two that enter a contact at once, both with the same number, one does.
  ON CONFLICT (tenant_id, journey_id, contact_id, entry_no) DO NOTHING
  RETURNING id
), due AS (
  INSERT INTO pending_executions
    (tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at)
  SELECT :tenant_id, j.id, e.id, j.node_id, now(), now()
  FROM entered AS e CROSS JOIN journey AS j
  RETURNING 1
)
SELECT
  EXISTS (SELECT 1 FROM journey) AS active,
  (SELECT count(*) FROM picked) AS picked,
  (SELECT count(*) FROM picked WHERE NOT known) AS unknown,
  (SELECT count(*) FROM picked WHERE known AND barred) AS barred,
  (SELECT count(*) FROM candidate WHERE inside) AS inside,
  (SELECT count(*) FROM due) AS enrolled,
  (SELECT contact_id FROM picked ORDER BY contact_id DESC LIMIT 1) AS last_id;
