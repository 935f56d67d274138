-- Writes down a try of a firing's work, in the work's own transaction.
-- Parameters: schedule, fire_at, finished boolean, result jsonb, error.
UPDATE schedule_firings
SET attempts = attempts + 1,
  finished_at = CASE WHEN :finished THEN now() END,
  result = :result,
  error = :error
WHERE schedule = :schedule AND fire_at = :fire_at;
