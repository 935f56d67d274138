-- The head of a statement that change_steps.sql completes: the next due steps of all tenants, taken
-- out of what is due.
--   :batch_size  steps at most; :share  of one tenant at most
WITH taken AS (
  DELETE FROM pending_executions AS p
  WHERE p.ctid = ANY (ARRAY(
    SELECT step.ctid
    FROM tenants AS t
    CROSS JOIN LATERAL (
      SELECT e.ctid
      FROM pending_executions AS e
      WHERE e.tenant_id = t.id AND e.state = 'DUE' AND e.scheduled_at <= now()
      ORDER BY e.scheduled_at
      LIMIT :share
      FOR UPDATE SKIP LOCKED
    ) AS step
    WHERE t.status = 'ACTIVE'
    LIMIT :batch_size
  ))
  RETURNING p.*
)
