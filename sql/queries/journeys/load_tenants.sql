-- Zone and execution rules of a batch's tenants; null rules where none were laid down. Statuses are
-- never read here: the claim joins them.
SELECT
  t.id, t.timezone, r.weekdays, r.opens_at, nullif(r.closes_at, '24:00') AS closes_at, r.outside,
  r.quiet_starts_at, r.quiet_ends_at, r.resubmission, r.resubmission_hours,
  r.max_messages_per_day, r.call_gap_minutes
FROM unnest(:tenant_ids::uuid[]) AS wanted (id)
JOIN tenants AS t USING (id)
LEFT JOIN execution_rules AS r ON r.tenant_id = t.id;
