-- depends: 0004.runs
-- transactional: false
-- Built without a lock on writers. IF NOT EXISTS passes over one that a killed build left INVALID;
-- `trunkline migrate` finds those afterwards and builds them again.

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_pending_executions_due
  ON pending_executions (tenant_id, scheduled_at, id) WHERE state = 'DUE';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_journey_contacts_active
  ON journey_contacts (tenant_id, contact_id) WHERE status = 'ACTIVE';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_journey_contacts_journey_tenant_status
  ON journey_contacts (journey_id, tenant_id, status);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_journey_nodes_journey_id_tenant
  ON journey_nodes (journey_id, tenant_id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_created_at
  ON messages (created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_org_contact_method
  ON messages (tenant_id, contact_id, method);

-- Deliveries claim from here; sent messages leave it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_due
  ON messages (tenant_id, due_at) WHERE status = 'QUEUED';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_leased
  ON messages (lease_until) WHERE status = 'SENDING';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_contacts_created_at
  ON contacts (created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_contacts_tenant_created_at
  ON contacts (tenant_id, created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_campaigns_active
  ON campaigns (tenant_id, status) WHERE status IN ('SCHEDULED', 'RUNNING');

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_campaign_recipients_campaign_status
  ON campaign_contacts (campaign_id, status);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_workflow_execution_workflow_status_started
  ON batch_runs (journey_id, status, started_at);

-- Jobs are unique over unfinished states; this is what enqueueing conflicts with.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_unfinished_key
  ON job_runs (tenant_id, kind, unique_key)
  WHERE state IN ('queued', 'running') AND unique_key IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_unfinished
  ON job_runs (run_at) WHERE state IN ('queued', 'running');

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_schedule_firings_unfinished
  ON schedule_firings (fire_at) WHERE finished_at IS NULL;
