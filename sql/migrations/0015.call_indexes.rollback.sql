-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_org_status_scheduled;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_org_contact_scheduled;
DROP INDEX CONCURRENTLY IF EXISTS idx_agents_user_id;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_quarantine_did;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_logs_org_phone_created;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_logs_unique_id;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_logs_tenant_created_status;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_logs_created_at;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_queue_contact;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_queue_leased;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_queue_dialing;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_queue_due;
ALTER TABLE call_queue DROP CONSTRAINT IF EXISTS call_queue_campaign_contact;
DROP INDEX CONCURRENTLY IF EXISTS call_queue_campaign_contact;
