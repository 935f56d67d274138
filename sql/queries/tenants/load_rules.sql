-- A tenant's rules as people read them; without a row, those of a fresh one.
SELECT
  t.timezone,
  coalesce(r.weekdays, '{1,2,3,4,5,6,7}') AS weekdays,
  coalesce(left(r.opens_at::text, 5), '00:00') AS opens_at,
  coalesce(left(r.closes_at::text, 5), '24:00') AS closes_at,
  coalesce(r.outside, 'next_opening') AS outside,
  CASE WHEN r.tenant_id IS NULL THEN '21:00' ELSE left(r.quiet_starts_at::text, 5) END,
  CASE WHEN r.tenant_id IS NULL THEN '08:00' ELSE left(r.quiet_ends_at::text, 5) END,
  coalesce(r.resubmission, 'continue') AS resubmission,
  coalesce(r.resubmission_hours, 24) AS resubmission_hours,
  r.max_messages_per_day,
  coalesce(r.call_gap_minutes, 5) AS call_gap_minutes,
  t.sends_per_second,
  t.send_burst,
  t.max_calls_at_once
FROM tenants AS t
LEFT JOIN execution_rules AS r ON r.tenant_id = t.id
WHERE t.id = :tenant_id;
