-- The head of a statement that change_steps.sql completes: one step, taken out of what is due.
WITH taken AS (
  DELETE FROM pending_executions AS p
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = :journey_contact_id AND p.id = :id
    AND p.state = 'DUE'
  RETURNING p.*
)
