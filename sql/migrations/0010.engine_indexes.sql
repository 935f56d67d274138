-- depends: 0008.engine
-- transactional: false

-- Only steps that wait for an event are in it, so the others don't pay for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_pending_executions_waiting
  ON pending_executions (tenant_id, journey_contact_id) WHERE wait_key IS NOT NULL;
