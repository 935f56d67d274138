-- Writes down that calendar entries fire. The key is the fence: of two leaders one inserts.
-- Parameters: schedules text[], fire_ats timestamptz[].
INSERT INTO schedule_firings (schedule, fire_at)
SELECT schedule, fire_at FROM unnest(:schedules::text[], :fire_ats::timestamptz[]) AS f (schedule, fire_at)
ON CONFLICT (schedule, fire_at) DO NOTHING
RETURNING schedule, fire_at;
