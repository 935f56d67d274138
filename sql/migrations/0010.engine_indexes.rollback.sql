DROP INDEX CONCURRENTLY IF EXISTS idx_pending_executions_waiting;
