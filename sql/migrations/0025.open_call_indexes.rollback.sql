-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS idx_call_quarantine_open;
DROP INDEX CONCURRENTLY IF EXISTS idx_call_logs_open;
