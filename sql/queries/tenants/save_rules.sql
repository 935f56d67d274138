-- Lays down a tenant's rules, in its own row and that of its execution rules.
WITH capped AS (
  UPDATE tenants
  SET sends_per_second = :sends_per_second, send_burst = :send_burst,
    max_calls_at_once = :max_calls_at_once, updated_at = now()
  WHERE id = :tenant_id
)
INSERT INTO execution_rules (
  tenant_id, weekdays, opens_at, closes_at, outside, quiet_starts_at, quiet_ends_at,
  resubmission, resubmission_hours, max_messages_per_day, call_gap_minutes
)
VALUES (
  :tenant_id, :weekdays, :opens_at, :closes_at, :outside, :quiet_starts_at, :quiet_ends_at,
  :resubmission, :resubmission_hours, :max_messages_per_day, :call_gap_minutes
)
ON CONFLICT (tenant_id) DO UPDATE
SET weekdays = excluded.weekdays, opens_at = excluded.opens_at, closes_at = excluded.closes_at,
    outside = excluded.outside, quiet_starts_at = excluded.quiet_starts_at,
    quiet_ends_at = excluded.quiet_ends_at, resubmission = excluded.resubmission,
    resubmission_hours = excluded.resubmission_hours,
    max_messages_per_day = excluded.max_messages_per_day,
    call_gap_minutes = excluded.call_gap_minutes, updated_at = now();
