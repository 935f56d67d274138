DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_finished;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_id;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_key;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_folding;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_unfinished_key
  ON job_runs (tenant_id, kind, unique_key)
  WHERE state IN ('queued', 'running') AND unique_key IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_unfinished_unique;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_later;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_ready;
