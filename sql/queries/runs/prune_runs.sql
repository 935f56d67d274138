-- Runs that ended long ago, the oldest first, a bounded number at a time; with them goes what refers
-- to them, an import's list of errors.
DELETE FROM job_runs AS r
WHERE (r.tenant_id, r.id) IN (
  SELECT d.tenant_id, d.id
  FROM job_runs AS d
  WHERE d.state IN ('succeeded', 'failed', 'cancelled')
    AND d.finished_at < now() - make_interval(days => :days)
  ORDER BY d.finished_at
  LIMIT :size
  FOR UPDATE SKIP LOCKED
);
