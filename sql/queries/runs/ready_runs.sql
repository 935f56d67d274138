-- The time of these has come.
--   :at_most  more wait for the next look
UPDATE job_runs AS r
SET ready = true
WHERE r.ctid = ANY (ARRAY(
  SELECT l.ctid
  FROM job_runs AS l
  WHERE l.state = 'queued' AND NOT l.ready AND l.run_at <= now()
  ORDER BY l.run_at
  LIMIT :at_most
  FOR UPDATE SKIP LOCKED
));
