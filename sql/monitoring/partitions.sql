-- How many whole months (UTC) after this one have their partition of the history. Below 1, steps of
-- next month would find no place.
SELECT count(*)::integer AS months_ahead
FROM generate_series(1, 12) AS m
WHERE to_regclass(
  'journey_node_executions_'
  || to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => m), 'YYYY_MM')
) IS NOT NULL;
