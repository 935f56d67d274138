-- Locks the steps of contacts in journeys that have a goal or exits, in order of their enrollments,
-- waiting for batches that hold them.
--   :tenant_ids, :contact_ids  pairs, each once
--   :now                       the clock, or null for the database's
-- A step without a place was seen, and finished by a batch before it could be locked: where its
-- contact went is for another look to find. Steps before enrollments, as a batch that closes an
-- enrollment holds its step.
WITH changed AS MATERIALIZED (
  SELECT * FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[]) AS c (tenant_id, contact_id)
), wanted AS MATERIALIZED (
  SELECT c.tenant_id, c.id FROM changed
  JOIN journey_contacts AS c USING (tenant_id, contact_id)
  WHERE c.status = 'ACTIVE' AND EXISTS (
    SELECT FROM journeys AS j
    WHERE j.tenant_id = c.tenant_id AND j.id = c.journey_id
      AND j.definition ?| ARRAY['exit', 'goal']
  )
  UNION ALL
  SELECT c.tenant_id, c.id FROM changed
  JOIN journey_contacts AS c USING (tenant_id, contact_id)
  WHERE c.status = 'PAUSED' AND EXISTS (
    SELECT FROM journeys AS j
    WHERE j.tenant_id = c.tenant_id AND j.id = c.journey_id
      AND j.definition ?| ARRAY['exit', 'goal']
  )
), seen AS MATERIALIZED (
  SELECT p.tenant_id, p.id, p.journey_contact_id
  FROM wanted
  JOIN pending_executions AS p
    ON p.tenant_id = wanted.tenant_id AND p.journey_contact_id = wanted.id
), locked AS MATERIALIZED (
  SELECT p.ctid::text AS ctid, p.*
  FROM wanted
  JOIN pending_executions AS p
    ON p.tenant_id = wanted.tenant_id AND p.journey_contact_id = wanted.id
  ORDER BY p.journey_contact_id
  FOR UPDATE OF p
)
SELECT
  p.ctid, seen.tenant_id, seen.id, p.journey_id, seen.journey_contact_id, p.node_id,
  p.scheduled_at, p.attempts, p.entered_at, e.contact_id, e.version, e.entered_at AS enrolled_at,
  nullif(e.data, '{}') AS data, coalesce(:now::timestamptz, statement_timestamp()) AS now,
  p.steps, p.signal, 0 AS share, p.wait_key
FROM seen
LEFT JOIN locked AS p
  ON p.tenant_id = seen.tenant_id AND p.journey_contact_id = seen.journey_contact_id
  AND p.id = seen.id
JOIN journey_contacts AS e ON e.tenant_id = seen.tenant_id AND e.id = seen.journey_contact_id;
