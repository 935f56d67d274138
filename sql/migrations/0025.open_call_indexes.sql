-- depends: 0024.call_belonging
-- transactional: false
-- As many as calls are under way: looked through when a PBX tells what goes on there.

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_logs_open
  ON call_logs (pbx, started_at) WHERE status <> 'ENDED';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_quarantine_open
  ON call_quarantine (pbx, started_at) WHERE status <> 'ENDED';
