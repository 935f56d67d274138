-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS idx_journey_contacts_paused;
DROP INDEX CONCURRENTLY IF EXISTS idx_pending_executions_held;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS pending_executions_by_id
  ON pending_executions (tenant_id, id);
ALTER TABLE pending_executions
  DROP CONSTRAINT IF EXISTS pending_executions_pkey,
  ADD CONSTRAINT pending_executions_pkey PRIMARY KEY USING INDEX pending_executions_by_id;
DROP TRIGGER IF EXISTS note_status ON tenants;
DROP TRIGGER IF EXISTS note_status ON journeys;
DROP FUNCTION IF EXISTS trunkline_note_status();
DROP TABLE IF EXISTS status_changes;
DROP TABLE IF EXISTS claim_gates;
ALTER TABLE journeys DROP COLUMN IF EXISTS reentry;
