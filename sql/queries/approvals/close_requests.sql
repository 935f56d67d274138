-- Takes back the requests of steps that left without a decision; a trigger takes them out of the
-- queue and writes the history.
--   :tenant_ids, :journey_contact_ids, :execution_ids  the steps, locked by this transaction
--   :statuses                                          EXPIRED or CANCELLED
UPDATE response_approvals AS a
SET status = step.status, decided_at = :now::timestamptz
FROM unnest(
  :tenant_ids::uuid[], :journey_contact_ids::bigint[], :execution_ids::bigint[], :statuses::text[]
) AS step (tenant_id, journey_contact_id, execution_id, status)
WHERE a.tenant_id = step.tenant_id
  AND a.journey_contact_id = step.journey_contact_id
  AND a.execution_id = step.execution_id
  AND a.status = 'PENDING';
