-- Puts steps off: to a computed time, or for another try.
--   :ctids, :ids, :ats, :tries, :errors  the steps; tries is 1 where one was spent, else 0
--   :wait_keys  the event that a step waits for until then, or null
UPDATE pending_executions AS p
SET scheduled_at = step.at, attempts = p.attempts + step.tries, error = step.error,
  wait_key = step.wait_key
FROM unnest(:ids::bigint[], :ats::timestamptz[], :tries::integer[], :errors::text[],
  :wait_keys::text[]) AS step (id, at, tries, error, wait_key)
WHERE p.ctid = ANY (:ctids::tid[]) AND p.id = step.id;
