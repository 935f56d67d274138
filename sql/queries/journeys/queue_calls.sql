-- Queues one call for each step that asks for it; the allocation of calls dials them.
--   :tenant_ids … :execution_ids, :groups, :callable_untils; by group :senders, :extensions,
--   :ring_timeouts_s, :variables
-- Senders are chosen as in queue_messages.sql. A step that has its call keeps it.
WITH sender AS MATERIALIZED (
  SELECT
    t.id AS tenant_id, t.sms_sender,
    ARRAY(
      SELECT substr(d.number, 2)::bigint FROM dids AS d
      WHERE d.tenant_id = t.id AND d.status = 'ACTIVE'
      ORDER BY d.number
    ) AS numbers
  FROM (SELECT DISTINCT unnest(:tenant_ids::uuid[]) AS id) AS asking JOIN tenants AS t USING (id)
)
INSERT INTO call_queue (
  tenant_id, contact_id, journey_id, journey_contact_id, execution_id,
  to_number, from_number, extension, variables, ring_timeout_s, due_at, created_at, callable_until
)
SELECT
  q.tenant_id, q.contact_id, q.journey_id, q.journey_contact_id, q.execution_id,
  c.phone_number,
  CASE
    WHEN script.sender NOT IN ('sticky', 'random') THEN script.sender
    -- A sender of messages may be a name.
    WHEN cardinality(s.numbers) = 0 THEN substring(s.sms_sender FROM '^\+[1-9][0-9]{6,14}$')
    WHEN script.sender = 'random' THEN '+' || s.numbers[1 + (
      ('x' || encode(substring(sha256(convert_to(q.contact_id || ':' || q.execution_id, 'UTF8'))
        FROM 1 FOR 7), 'hex'))::bit(56)::bigint % cardinality(s.numbers)
    )]
    WHEN cardinality(s.numbers) = 1 THEN '+' || s.numbers[1]
    ELSE (
      SELECT '+' || n.number FROM unnest(s.numbers) AS n (number)
      ORDER BY sha256(convert_to(q.contact_id || ':+' || n.number, 'UTF8')) DESC
      LIMIT 1
    )
  END,
  script.extension, script.variables, script.ring_timeout_s,
  :now::timestamptz, :now::timestamptz, q.callable_until
FROM unnest(
  :tenant_ids::uuid[], :contact_ids::uuid[], :journey_ids::uuid[],
  :journey_contact_ids::bigint[], :execution_ids::bigint[], :groups::integer[],
  :callable_untils::timestamptz[]
) AS q (
  tenant_id, contact_id, journey_id, journey_contact_id, execution_id, group_no, callable_until
)
JOIN unnest(
  :group_nos::integer[], :senders::text[], :extensions::text[], :variables::jsonb[],
  :ring_timeouts_s::integer[]
) AS script (group_no, sender, extension, variables, ring_timeout_s) USING (group_no)
JOIN contacts AS c ON c.tenant_id = q.tenant_id AND c.id = q.contact_id
JOIN sender AS s ON s.tenant_id = q.tenant_id
ON CONFLICT (tenant_id, execution_id) DO NOTHING;
