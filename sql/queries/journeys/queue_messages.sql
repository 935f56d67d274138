-- Queues one message for each step that asks for it; deliveries send them.
--   :tenant_ids … :execution_ids, :groups, :sendable_untils, :bodies[group], :senders[group]
-- A sender is a number, or the word sticky or random: one of the tenant's active numbers; the
-- tenant's sms_sender if it has none. Sticky is the number that draws the highest lot for the contact
-- (SHA-256 of CONTACT:NUMBER): each of n numbers gets its nth part, and one more or one less moves
-- only that part of the contacts. Random is drawn by a lot of the contact and the step.
-- A second message of one step breaks the unique key and fails that step.
WITH sender AS MATERIALIZED (
  SELECT
    t.id AS tenant_id, t.sms_sender,
    -- As numbers, which all are of one width: then one is picked without walking over the others.
    ARRAY(
      SELECT substr(d.number, 2)::bigint FROM dids AS d
      WHERE d.tenant_id = t.id AND d.status = 'ACTIVE'
      ORDER BY d.number
    ) AS numbers
  FROM (SELECT DISTINCT unnest(:tenant_ids::uuid[]) AS id) AS asking JOIN tenants AS t USING (id)
)
INSERT INTO messages (
  tenant_id, contact_id, journey_id, journey_contact_id, execution_id,
  to_number, from_number, body, due_at, created_at, sendable_until
)
SELECT
  m.tenant_id, m.contact_id, m.journey_id, m.journey_contact_id, m.execution_id,
  c.phone_number,
  CASE
    WHEN text.sender NOT IN ('sticky', 'random') THEN text.sender
    WHEN cardinality(s.numbers) = 0 THEN s.sms_sender
    WHEN text.sender = 'random' THEN '+' || s.numbers[1 + (
      -- 56 bits of the hash, so that it is never negative
      ('x' || encode(substring(sha256(convert_to(m.contact_id || ':' || m.execution_id, 'UTF8'))
        FROM 1 FOR 7), 'hex'))::bit(56)::bigint % cardinality(s.numbers)
    )]
    WHEN cardinality(s.numbers) = 1 THEN '+' || s.numbers[1]
    ELSE (
      SELECT '+' || n.number FROM unnest(s.numbers) AS n (number)
      ORDER BY sha256(convert_to(m.contact_id || ':+' || n.number, 'UTF8')) DESC
      LIMIT 1
    )
  END,
  text.body, :now::timestamptz, :now::timestamptz, m.sendable_until
FROM unnest(
  :tenant_ids::uuid[], :contact_ids::uuid[], :journey_ids::uuid[],
  :journey_contact_ids::bigint[], :execution_ids::bigint[], :groups::integer[],
  :sendable_untils::timestamptz[]
) AS m (
  tenant_id, contact_id, journey_id, journey_contact_id, execution_id, group_no, sendable_until
)
JOIN unnest(:group_nos::integer[], :bodies::text[], :senders::text[])
  AS text (group_no, body, sender) USING (group_no)
JOIN contacts AS c ON c.tenant_id = m.tenant_id AND c.id = m.contact_id
JOIN sender AS s ON s.tenant_id = m.tenant_id;
