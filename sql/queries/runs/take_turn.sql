-- Whoever takes up a run of this queue holds this row until that is committed, so that limits are
-- kept to the run. There is nothing to do in between: who freezes there is cut off soon, or all would
-- wait. Returns the tenant that was served last.
INSERT INTO job_turns AS t (queue) VALUES (:queue)
ON CONFLICT (queue) DO UPDATE SET queue = excluded.queue
RETURNING t.tenant_id, set_config('idle_in_transaction_session_timeout', '5s', true);
