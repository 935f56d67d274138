-- What the mixed journey's steps bring about, decided and written by the database itself: history,
-- messages, changed contacts, next steps. Returns how many steps were taken.
, decided AS MATERIALIZED (
  SELECT
    taken.*, n.type, n.config, n.version, jc.contact_id, c.first_name, c.phone_number, t.sms_sender,
    CASE
      WHEN n.type <> 'condition' THEN 'next'
      WHEN c.attributes -> 'plan' = n.config #> '{branches,0,when,value}' THEN 'branch-1'
      ELSE 'default'
    END AS outcome,
    n.edges
  FROM taken
  JOIN tenants AS t ON t.id = taken.tenant_id AND t.status = 'ACTIVE'
  JOIN journeys AS j
    ON j.tenant_id = taken.tenant_id AND j.id = taken.journey_id AND j.status = 'ACTIVE'
  JOIN journey_nodes AS n ON n.tenant_id = taken.tenant_id AND n.id = taken.node_id
  JOIN journey_contacts AS jc
    ON jc.tenant_id = taken.tenant_id AND jc.id = taken.journey_contact_id AND jc.status = 'ACTIVE'
  JOIN contacts AS c ON c.tenant_id = jc.tenant_id AND c.id = jc.contact_id
), history AS (
  INSERT INTO journey_node_executions (
    tenant_id, id, journey_id, journey_contact_id, node_id, status,
    scheduled_at, executed_at, completed_at, attempts, outcome
  )
  SELECT
    tenant_id, id, journey_id, journey_contact_id, node_id, 'COMPLETED',
    scheduled_at, now(), now(), attempts + 1, outcome
  FROM decided
), queued AS (
  INSERT INTO messages (
    tenant_id, contact_id, journey_id, journey_contact_id, execution_id,
    to_number, from_number, body, due_at, created_at
  )
  SELECT
    tenant_id, contact_id, journey_id, journey_contact_id, id, phone_number, sms_sender,
    replace(config ->> 'body', '{{ first_name }}', coalesce(first_name, '')), now(), now()
  FROM decided WHERE type = 'send_sms'
), changed AS (
  UPDATE contacts AS c
  SET
    status = d.config #>> '{set,status}',
    attributes = c.attributes || jsonb_build_object('seen', d.config #> '{set,attributes.seen}'),
    tags = ARRAY(
      SELECT unnest(c.tags) UNION SELECT jsonb_array_elements_text(d.config -> 'add_tags')
    ),
    updated_at = now()
  FROM decided AS d
  WHERE d.type = 'update_contact' AND c.tenant_id = d.tenant_id AND c.id = d.contact_id
), following AS (
  INSERT INTO pending_executions (
    tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at
  )
  SELECT
    d.tenant_id, d.journey_id, d.journey_contact_id, n.id,
    now() + make_interval(days => (n.config ->> 'days')::float::integer), now()
  FROM decided AS d
  JOIN journey_nodes AS n
    ON n.tenant_id = d.tenant_id AND n.journey_id = d.journey_id AND n.version = d.version
    AND n.key = d.edges ->> d.outcome
)
SELECT count(*) FROM taken;
