-- Gives steps that this transaction has locked their new times.
UPDATE pending_executions AS p SET scheduled_at = step.at
FROM unnest(:ids::bigint[], :ats::timestamptz[]) AS step (id, at)
WHERE p.ctid = ANY (:ctids::text[]::tid[]) AND p.id = step.id AND p.scheduled_at <> step.at;
