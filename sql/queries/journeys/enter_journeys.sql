-- Enters contacts into other journeys from within one; who enters has a first step due.
--   :tenant_ids, :contact_ids, :journeys  who, and the key of the journey
-- A journey that is unknown or not active breaks the not-null key, and so fails the steps that
-- name it. Reentry as in enrollment/enroll_picked.sql: of two that enter a contact at once, one does.
WITH wanted AS MATERIALIZED (
  SELECT DISTINCT w.tenant_id, w.contact_id, w.key
  FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[], :journeys::text[])
    AS w (tenant_id, contact_id, key)
), target AS MATERIALIZED (
  SELECT j.tenant_id, j.key, j.id, j.version, j.reentry, n.id AS node_id
  FROM (SELECT DISTINCT tenant_id, key FROM wanted) AS named
  JOIN journeys AS j USING (tenant_id, key)
  JOIN journey_nodes AS n
    ON n.tenant_id = j.tenant_id AND n.journey_id = j.id AND n.version = j.version AND n.is_start
  WHERE j.status = 'ACTIVE'
  FOR SHARE OF j
), candidate AS MATERIALIZED (
  SELECT
    w.tenant_id, w.contact_id, t.id AS journey_id, t.version,
    coalesce(before.entries, 0) + 1 AS entry_no
  FROM wanted AS w
  JOIN contacts AS c
    ON c.tenant_id = w.tenant_id AND c.id = w.contact_id AND NOT c.do_not_contact
  LEFT JOIN target AS t ON t.tenant_id = w.tenant_id AND t.key = w.key
  CROSS JOIN LATERAL (
    SELECT max(jc.entry_no) AS entries, bool_or(jc.status IN ('ACTIVE', 'PAUSED')) AS inside
    FROM journey_contacts AS jc
    WHERE t.reentry <> 'once'
      AND jc.tenant_id = w.tenant_id AND jc.journey_id = t.id AND jc.contact_id = w.contact_id
  ) AS before
  WHERE t.reentry IS DISTINCT FROM 'many_not_concurrent' OR NOT coalesce(before.inside, false)
), entered AS (
  INSERT INTO journey_contacts
    (tenant_id, journey_id, contact_id, version, entry_no, source, entered_at)
  SELECT tenant_id, journey_id, contact_id, version, entry_no, 'journey', :now::timestamptz
  FROM candidate
  ORDER BY tenant_id, journey_id, contact_id
  ON CONFLICT (tenant_id, journey_id, contact_id, entry_no) DO NOTHING
  RETURNING tenant_id, id, journey_id, entered_at AS at
)
INSERT INTO pending_executions
  (tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at)
SELECT e.tenant_id, e.journey_id, e.id, t.node_id, e.at, e.at
FROM entered AS e
JOIN target AS t ON t.tenant_id = e.tenant_id AND t.id = e.journey_id;
