-- Writes down the webhook calls that steps ask for; whoever calls them hands each step its answer.
--   :tenant_ids … :execution_ids, :node_ids, :groups, :urls[group], :documents[group]
-- The body is put together here, once, so that every try sends the same bytes.
WITH asked AS MATERIALIZED (
  SELECT trunkline_uuid7() AS id, a.*
  FROM unnest(
    :tenant_ids::uuid[], :contact_ids::uuid[], :journey_ids::uuid[],
    :journey_contact_ids::bigint[], :execution_ids::bigint[], :node_ids::bigint[],
    :groups::integer[]
  ) AS a (
    tenant_id, contact_id, journey_id, journey_contact_id, execution_id, node_id, group_no
  )
)
INSERT INTO webhook_calls (
  tenant_id, id, journey_id, journey_contact_id, execution_id, url, body, due_at, created_at
)
SELECT
  a.tenant_id, a.id, a.journey_id, a.journey_contact_id, a.execution_id, call.url,
  (call.document || jsonb_build_object(
    'id', a.id, 'journey', j.key, 'node', n.key, 'contact_id', a.contact_id,
    'enrollment_id', a.journey_contact_id, 'execution_id', a.execution_id
  ))::text,
  :now::timestamptz, :now::timestamptz
FROM asked AS a
JOIN unnest(:group_nos::integer[], :urls::text[], :documents::jsonb[])
  AS call (group_no, url, document) USING (group_no)
JOIN journeys AS j ON j.tenant_id = a.tenant_id AND j.id = a.journey_id
JOIN journey_nodes AS n ON n.tenant_id = a.tenant_id AND n.id = a.node_id;
