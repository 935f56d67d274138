-- depends: 0017.approvals_and_leads
-- transactional: false

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_services_org_created
  ON services (tenant_id, created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_leads_status_scraped_category
  ON leads (tenant_id, status, scraped_at DESC, category);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_leads_unprocessed
  ON leads (tenant_id, scraped_at, id) WHERE status = 'NEW';

-- What a contact asked for last.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_leads_contact
  ON leads (tenant_id, contact_id, scraped_at DESC, id DESC);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_responses_lead_status_created
  ON auto_responses (tenant_id, lead_id, status, created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_response_approvals_status_created
  ON response_approvals (tenant_id, status, created_at DESC);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_response_approvals_pending
  ON response_approvals (tenant_id, created_at, id) WHERE status = 'PENDING';

-- A step asks once at a time; by its enrollment the request is taken back.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_response_approvals_step
  ON response_approvals (tenant_id, journey_contact_id, execution_id) WHERE status = 'PENDING';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_approval_history_request_created
  ON approval_history (tenant_id, request_id, created_at);

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_approval_queue_approval
  ON approval_queue (tenant_id, approval_id);

-- The order in which requests are looked at.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_approval_queue_order
  ON approval_queue (tenant_id, priority DESC, id);
