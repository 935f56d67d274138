-- Holds steps, out of the due index, until somebody releases them.
--   :ctids, :ids, :reasons  the steps, claimed in this transaction
UPDATE pending_executions AS p
SET state = 'HELD', error = step.reason
FROM unnest(:ids::bigint[], :reasons::text[]) AS step (id, reason)
WHERE p.ctid = ANY (:ctids::text[]::tid[]) AND p.id = step.id;
