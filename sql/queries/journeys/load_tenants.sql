-- Zone and execution rules of a batch's tenants; null weekdays where no rules were laid down, and
-- what else is said of them then means nothing. Statuses are never read here: the claim joins them.
SELECT
  t.id, t.timezone, r.weekdays, coalesce(r.opens_at, '00:00') AS opens_at,
  nullif(r.closes_at, '24:00') AS closes_at, coalesce(r.outside, 'next_opening') AS outside,
  r.quiet_starts_at, r.quiet_ends_at, coalesce(r.resubmission, 'continue') AS resubmission,
  coalesce(r.resubmission_hours, 0) AS resubmission_hours, r.max_messages_per_day,
  coalesce(r.call_gap_minutes, 0) AS call_gap_minutes
FROM unnest(:tenant_ids::uuid[]) AS wanted (id)
JOIN tenants AS t USING (id)
LEFT JOIN execution_rules AS r ON r.tenant_id = t.id;
