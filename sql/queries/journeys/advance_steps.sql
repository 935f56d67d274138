-- Takes finished steps out of what is due, writes them down as history and puts the contacts'
-- next steps in their place.
--   :ctids, :ids, :groups     the steps, claimed in this transaction: place, id, group number
--   :group_*                  what all steps of a group share
-- The rows are ours (locked since the claim), so their places can't have moved.
WITH step AS (
  SELECT * FROM unnest(:ids::bigint[], :groups::integer[]) AS s (id, group_no)
), decided AS (
  SELECT * FROM unnest(
    :group_nos::integer[], :group_statuses::text[], :group_outcomes::text[],
    :group_results::jsonb[], :group_errors::text[],
    :group_next_nodes::bigint[], :group_next_ats::timestamptz[], :group_next_wait_keys::text[],
    :group_next_errors::text[]
  ) AS g (
    group_no, status, outcome, result, error, next_node_id, next_at, next_wait_key, next_error
  )
), done AS (
  DELETE FROM pending_executions AS p
  WHERE p.ctid = ANY (:ctids::tid[])
  RETURNING p.*
), history AS (
  INSERT INTO journey_node_executions (
    tenant_id, id, journey_id, journey_contact_id, node_id, status,
    scheduled_at, executed_at, completed_at, attempts, outcome, result, error
  )
  SELECT
    done.tenant_id, done.id, done.journey_id, done.journey_contact_id, done.node_id,
    decided.status, done.scheduled_at, :now::timestamptz,
    CASE WHEN decided.status <> 'FAILED' THEN :now::timestamptz END,
    done.attempts + 1, decided.outcome, decided.result, decided.error
  FROM done JOIN step USING (id) JOIN decided USING (group_no)
)
INSERT INTO pending_executions (
  tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at,
  steps, wait_key, error
)
SELECT
  done.tenant_id, done.journey_id, done.journey_contact_id, decided.next_node_id,
  decided.next_at, :now::timestamptz, done.steps + 1, decided.next_wait_key,
  decided.next_error
FROM done JOIN step USING (id) JOIN decided USING (group_no)
WHERE decided.next_node_id IS NOT NULL;
