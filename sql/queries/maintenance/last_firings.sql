-- When each calendar entry fired last; entries that never did are left out.
-- Parameter: schedules text[].
SELECT s.schedule, f.fire_at
FROM unnest(:schedules::text[]) AS s (schedule)
CROSS JOIN LATERAL (
  SELECT fire_at FROM schedule_firings WHERE schedule = s.schedule ORDER BY fire_at DESC LIMIT 1
) AS f;
