CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_unfinished
  ON job_runs (run_at) WHERE state IN ('queued', 'running');

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_leased;

DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_lines;
