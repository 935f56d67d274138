-- Puts drafted replies before people, one for each step that asks; a trigger writes the history.
--   :tenant_ids … :execution_ids, :groups  the steps
--   :bodies[group] … :expire_ats[group]    what all steps of a group share
-- A step that asked already keeps its draft, and is given the time anew.
WITH asking AS (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :contact_ids::uuid[], :journey_ids::uuid[],
    :journey_contact_ids::bigint[], :execution_ids::bigint[], :groups::integer[]
  ) AS a (tenant_id, contact_id, journey_id, journey_contact_id, execution_id, group_no)
), draft AS (
  SELECT * FROM unnest(
    :group_nos::integer[], :bodies::text[], :priorities::integer[], :assigned_tos::text[],
    :expire_ats::timestamptz[]
  ) AS d (group_no, body, priority, assigned_to, expires_at)
), requested AS (
  INSERT INTO response_approvals (
    tenant_id, contact_id, lead_id, journey_id, journey_contact_id, execution_id,
    body, expires_at, created_at
  )
  SELECT
    asking.tenant_id, asking.contact_id, lead.id, asking.journey_id, asking.journey_contact_id,
    asking.execution_id, draft.body, draft.expires_at, :now::timestamptz
  FROM asking
  JOIN draft USING (group_no)
  LEFT JOIN LATERAL (
    SELECT l.id FROM leads AS l
    WHERE l.tenant_id = asking.tenant_id AND l.contact_id = asking.contact_id
    ORDER BY l.scraped_at DESC, l.id DESC
    LIMIT 1
  ) AS lead ON true
  ON CONFLICT (tenant_id, journey_contact_id, execution_id) WHERE status = 'PENDING'
  DO UPDATE SET expires_at = EXCLUDED.expires_at
  RETURNING tenant_id, id, journey_contact_id, execution_id
)
INSERT INTO approval_queue (tenant_id, approval_id, priority, assigned_to, created_at)
SELECT r.tenant_id, r.id, draft.priority, draft.assigned_to, :now::timestamptz
FROM requested AS r
JOIN asking USING (tenant_id, journey_contact_id, execution_id)
JOIN draft USING (group_no)
ORDER BY r.id
ON CONFLICT (tenant_id, approval_id) DO NOTHING;
