-- The next steps whose times hang on zones and rules, locked: those at nodes that go by local time,
-- and those at nodes that reach contacts which a rule put off. Such a step says why it waits and has
-- spent no try on it. One that waits for an event doesn't.
SELECT
  p.ctid::text AS ctid, p.tenant_id, p.id, p.journey_id, p.journey_contact_id, p.node_id,
  p.scheduled_at, p.attempts, p.entered_at,
  c.contact_id, c.version, c.entered_at AS enrolled_at, c.data, :now::timestamptz AS now, p.steps
FROM pending_executions AS p
JOIN journey_contacts AS c ON c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id
WHERE p.tenant_id = :tenant_id
  AND p.journey_contact_id > :after
  AND p.wait_key IS NULL
  AND (
    p.node_id = ANY (:timed_ids::bigint[])
    OR (
      p.node_id = ANY (:reaching_ids::bigint[])
      AND p.error IS NOT NULL AND p.attempts = 0 AND p.scheduled_at > :now
    )
  )
ORDER BY p.journey_contact_id
LIMIT :size
FOR UPDATE OF p;
