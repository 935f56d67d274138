DROP FUNCTION trunkline_contact_activity(uuid[], uuid[], timestamptz[], timestamptz[], timestamptz);
ALTER TABLE messages DROP COLUMN sendable_until;
DROP TRIGGER fill_send_bucket ON tenants;
DROP FUNCTION trunkline_fill_send_bucket();
DROP TABLE send_buckets;
ALTER TABLE tenants DROP COLUMN send_burst, DROP COLUMN sends_per_second;
-- Hours across midnight didn't exist: they become hours up to it.
UPDATE execution_rules SET closes_at = '24:00' WHERE closes_at <= opens_at;
ALTER TABLE execution_rules
  DROP CONSTRAINT execution_rules_quiet_check,
  DROP CONSTRAINT execution_rules_hours_check,
  DROP COLUMN call_gap_minutes,
  DROP COLUMN max_messages_per_day,
  DROP COLUMN resubmission_hours,
  DROP COLUMN resubmission,
  DROP COLUMN quiet_ends_at,
  DROP COLUMN quiet_starts_at,
  DROP COLUMN outside,
  ADD CONSTRAINT execution_rules_check CHECK (closes_at > opens_at);
