-- depends: 0010.engine_indexes
-- transactional: false

-- A tenant's line of runs of each kind, in the order in which they are taken up.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_lines
  ON job_runs (tenant_id, kind, run_at, id) WHERE state IN ('queued', 'running');

-- As many as there are workers: who is at work, and whose worker died.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_job_runs_leased
  ON job_runs (lease_until) WHERE state = 'running';

-- In order of time alone, all that is queued had to be read to find each tenant's first.
DROP INDEX CONCURRENTLY IF EXISTS idx_job_runs_unfinished;
