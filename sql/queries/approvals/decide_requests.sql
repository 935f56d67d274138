-- Decides requests that nobody has decided, and tells how each of those asked about stands now.
--   :tenant_ids, :ids, :statuses, :bys  the decisions, each request once
--   :texts                              of EDITED ones; what is APPROVED goes as it was drafted
-- A trigger takes the decided ones out of the queue and writes the history.
WITH decision AS (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :ids::uuid[], :statuses::text[], :bys::text[], :texts::text[]
  ) AS d (tenant_id, id, status, by, text)
), held AS MATERIALIZED (
  SELECT a.*
  FROM decision JOIN response_approvals AS a USING (tenant_id, id)
  ORDER BY a.tenant_id, a.id
  FOR UPDATE OF a
), decided AS (
  UPDATE response_approvals AS a
  SET
    status = decision.status,
    decided_body = CASE decision.status WHEN 'APPROVED' THEN held.body ELSE decision.text END,
    decided_by = decision.by,
    decided_at = coalesce(:now::timestamptz, statement_timestamp())
  FROM decision JOIN held USING (tenant_id, id)
  WHERE a.tenant_id = held.tenant_id AND a.id = held.id
    AND held.status = 'PENDING' AND a.status = 'PENDING'
  RETURNING a.*
)
SELECT
  tenant_id, id, decided.id IS NOT NULL AS changed,
  CASE WHEN decided.id IS NOT NULL THEN decided.status ELSE held.status END,
  CASE WHEN decided.id IS NOT NULL THEN decided.decided_by ELSE held.decided_by END,
  CASE WHEN decided.id IS NOT NULL THEN decided.decided_at ELSE held.decided_at END,
  held.contact_id, held.execution_id, decided.decided_body
FROM held
LEFT JOIN decided USING (tenant_id, id);
