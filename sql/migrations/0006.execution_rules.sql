-- depends: 0005.indexes
-- Execution rules in full, the hours a message may be sent in, and a cap on sends a second.

-- A table of one row a tenant: its checks are validated at once.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint
ALTER TABLE execution_rules
  DROP CONSTRAINT execution_rules_check,
  ADD CONSTRAINT execution_rules_hours_check
    CHECK (opens_at < '24:00' AND closes_at <> opens_at),
  ADD COLUMN outside text NOT NULL DEFAULT 'next_opening' CHECK (
    outside IN ('next_opening', 'next_business_day', 'same_time_next_day', 'skip', 'pause')),
  ADD COLUMN quiet_starts_at time DEFAULT '21:00',
  ADD COLUMN quiet_ends_at time DEFAULT '08:00',
  ADD COLUMN resubmission text NOT NULL DEFAULT 'continue'
    CHECK (resubmission IN ('skip', 'reschedule', 'pause', 'continue')),
  ADD COLUMN resubmission_hours integer NOT NULL DEFAULT 24 CHECK (resubmission_hours > 0),
  ADD COLUMN max_messages_per_day integer CHECK (max_messages_per_day > 0),
  ADD COLUMN call_gap_minutes integer NOT NULL DEFAULT 5 CHECK (call_gap_minutes >= 0),
  ADD CONSTRAINT execution_rules_quiet_check CHECK (
    (quiet_starts_at IS NULL) = (quiet_ends_at IS NULL)
    AND quiet_starts_at < '24:00' AND quiet_ends_at < '24:00' AND quiet_starts_at <> quiet_ends_at);
COMMENT ON TABLE execution_rules IS 'a tenant without a row has the defaults';
COMMENT ON COLUMN execution_rules.closes_at IS 'before opens_at: the hours go on past midnight';
COMMENT ON COLUMN execution_rules.outside IS 'what becomes of a step outside the opening hours';
COMMENT ON COLUMN execution_rules.quiet_starts_at IS 'in the contact''s zone; null: none';
COMMENT ON COLUMN execution_rules.resubmission IS 'where another journey reached the contact lately';

ALTER TABLE tenants
  ADD COLUMN sends_per_second double precision CHECK (
    sends_per_second > 0 AND sends_per_second <= 100000),
  ADD COLUMN send_burst integer CHECK (send_burst > 0);
COMMENT ON COLUMN tenants.sends_per_second IS 'null: no cap';
COMMENT ON COLUMN tenants.send_burst IS 'sends at once after a silence; null: those of one second';

-- How much a capped tenant may send at once: so much when last written, more with every second.
CREATE TABLE send_buckets (
  tenant_id    uuid              PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  tokens       double precision  NOT NULL,
  refilled_at  timestamptz       NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION trunkline_fill_send_bucket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO send_buckets (tenant_id, tokens, refilled_at)
  VALUES (NEW.id, 'Infinity', now())
  ON CONFLICT (tenant_id) DO NOTHING;
  RETURN NULL;
END
$$;

CREATE TRIGGER fill_send_bucket AFTER INSERT OR UPDATE OF sends_per_second ON tenants
FOR EACH ROW WHEN (NEW.sends_per_second IS NOT NULL)
EXECUTE FUNCTION trunkline_fill_send_bucket();

ALTER TABLE messages ADD COLUMN sendable_until timestamptz;
COMMENT ON COLUMN messages.sendable_until IS
  'from then on its hours are over and it waits for the next; null: at any time';

-- Locks first, then looks: being VOLATILE it sees in its second statement what was committed by
-- those that held the locks before, so two batches never both find the same room for one more.
-- A contact that another batch holds is left out, so that none waits for the other.
CREATE FUNCTION trunkline_contact_activity(
  tenant_ids uuid[], contact_ids uuid[], day_starts timestamptz[], day_ends timestamptz[],
  moment timestamptz
) RETURNS TABLE (
  tenant_id uuid, contact_id uuid, journey_id uuid, messages_today bigint, last_message_at timestamptz
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
  places tid[];
BEGIN
  SELECT array_agg(held.place) INTO places
  FROM (
    SELECT c.ctid AS place
    FROM unnest(tenant_ids, contact_ids) AS w (tenant_id, id)
    CROSS JOIN LATERAL (
      SELECT k.tenant_id, k.id FROM contacts AS k
      WHERE k.tenant_id = w.tenant_id AND k.id = w.id
      OFFSET 0
    ) AS found
    JOIN contacts AS c ON c.tenant_id = found.tenant_id AND c.id = found.id
    ORDER BY c.tenant_id, c.id
    FOR NO KEY UPDATE OF c SKIP LOCKED
  ) AS held;
  RETURN QUERY
  SELECT c.tenant_id, c.id, m.journey_id, coalesce(m.today, 0), m.latest
  FROM contacts AS c
  JOIN unnest(tenant_ids, contact_ids, day_starts, day_ends)
    AS w (tenant_id, id, day_start, day_end) ON w.tenant_id = c.tenant_id AND w.id = c.id
  LEFT JOIN LATERAL (
    SELECT x.journey_id, max(x.at) AS latest,
      count(*) FILTER (WHERE x.at >= w.day_start AND x.at < w.day_end) AS today
    FROM (
      SELECT s.journey_id,
        CASE s.status WHEN 'SENT' THEN s.sent_at ELSE greatest(s.due_at, moment) END AS at
      FROM messages AS s
      WHERE s.tenant_id = c.tenant_id AND s.contact_id = c.id
        AND s.status IN ('QUEUED', 'SENDING', 'SENT')
      OFFSET 0
    ) AS x
    GROUP BY x.journey_id
  ) AS m ON true
  WHERE c.ctid = ANY (places);
END
$$;
COMMENT ON FUNCTION trunkline_contact_activity IS
  'What contacts got, a row for each journey (null: none), and of those without messages one; locks them until the transaction ends';
