-- depends: 0026.run_lines
-- transactional: false

-- The lines in which runs wait for their turn.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_ready
  ON job_runs (kind, tenant_id, priority DESC, run_at, id) WHERE state = 'queued' AND ready;

-- Those that wait for their time.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_later
  ON job_runs (run_at) WHERE state = 'queued' AND NOT ready;

-- A key is taken until its run has ended; one that folds, until its run has begun.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_unfinished_unique
  ON job_runs (tenant_id, kind, unique_key)
  WHERE state IN ('queued', 'running') AND unique_key IS NOT NULL AND NOT folds;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_folding
  ON job_runs (tenant_id, kind, unique_key)
  WHERE state = 'queued' AND folds AND started_at IS NULL;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_unfinished_key;

-- What a key did in the last while.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_key
  ON job_runs (tenant_id, kind, unique_key, created_at) WHERE unique_key IS NOT NULL;

-- Ids are unique, whosever they are.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_id ON job_runs (id);

-- In the order in which they are forgotten.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_finished
  ON job_runs (kind, finished_at) WHERE state IN ('succeeded', 'failed', 'cancelled');
