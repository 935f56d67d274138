-- Locks the oldest firing whose work is not done; the lock is the lease. A failed one waits,
-- twice as long after each try.
-- Parameters: schedules text[], firing_backoff_s.
SELECT f.schedule, f.fire_at, f.attempts
FROM schedule_firings AS f
WHERE f.finished_at IS NULL
  AND f.schedule = ANY (:schedules::text[])
  AND f.created_at + make_interval(secs => :firing_backoff_s * (2 ^ f.attempts - 1)) <= now()
ORDER BY f.fire_at
LIMIT 1
FOR UPDATE SKIP LOCKED;
