-- Makes the next steps that a rule put off due now, so that the rules as they now are decide.
-- Such a step says why it waits and has spent no try on it.
WITH chunk AS MATERIALIZED (
  SELECT p.ctid AS place, p.journey_contact_id
  FROM pending_executions AS p
  WHERE p.tenant_id = :tenant_id
    AND (:journey_id::uuid IS NULL OR p.journey_id = :journey_id::uuid)
    AND p.journey_contact_id > :after
    AND p.error IS NOT NULL AND p.attempts = 0 AND p.wait_key IS NULL
    AND p.scheduled_at > :now
    AND NOT p.node_id = ANY (:node_ids::bigint[])
  ORDER BY p.journey_contact_id
  LIMIT :size
  FOR UPDATE
), due AS (
  UPDATE pending_executions AS p SET scheduled_at = :now
  WHERE p.ctid = ANY (ARRAY(SELECT place FROM chunk))
)
SELECT count(*), max(journey_contact_id) FROM chunk;
