-- depends: 0014.calls
-- transactional: false
-- A contact once in a campaign's queue, and what calls, agents and appointments are found by.

-- What a killed build left, or one that a duplicate written meanwhile made fail.
DO $$
BEGIN
  IF EXISTS (
    SELECT FROM pg_index
    WHERE indexrelid = to_regclass('call_queue_campaign_contact') AND NOT indisvalid
  ) THEN
    DROP INDEX call_queue_campaign_contact;
  END IF;
END
$$;

-- Of a contact's calls in one campaign the one furthest along stays: by its state, then the one
-- that was dialed more often or later, else the oldest.
DELETE FROM call_queue AS q
USING (
  SELECT c.tenant_id, c.id, row_number() OVER (
    PARTITION BY c.tenant_id, c.campaign_id, c.contact_id
    ORDER BY
      CASE c.state
        WHEN 'DONE' THEN 1 WHEN 'DIALING' THEN 2 WHEN 'FAILED' THEN 3 WHEN 'CANCELLED' THEN 5 ELSE 4
      END,
      c.attempts DESC, c.dialed_at DESC NULLS LAST, c.created_at, c.id
  ) AS place
  FROM call_queue AS c
  WHERE c.campaign_id IS NOT NULL
) AS ranked
WHERE ranked.place > 1 AND q.tenant_id = ranked.tenant_id AND q.id = ranked.id;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS call_queue_campaign_contact
  ON call_queue (tenant_id, campaign_id, contact_id);

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'call_queue_campaign_contact') THEN
    ALTER TABLE call_queue
      ADD CONSTRAINT call_queue_campaign_contact UNIQUE USING INDEX call_queue_campaign_contact;
  END IF;
END
$$;

-- Calls are allocated from here; those dialed leave it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_queue_due
  ON call_queue (tenant_id, due_at, id) WHERE state = 'QUEUED';

-- As many as there are lines: who is being called, and of whom nothing is heard.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_queue_dialing
  ON call_queue (tenant_id, channel_id) WHERE state = 'DIALING';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_queue_leased
  ON call_queue (lease_until) WHERE state = 'DIALING';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_queue_contact
  ON call_queue (tenant_id, contact_id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_logs_created_at
  ON call_logs (created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_logs_tenant_created_status
  ON call_logs (tenant_id, created_at, status);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_logs_unique_id
  ON call_logs (unique_id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_logs_org_phone_created
  ON call_logs (tenant_id, phone_number, created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_call_quarantine_did
  ON call_quarantine (did);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_agents_user_id
  ON agents (tenant_id, user_id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_org_contact_scheduled
  ON appointments (tenant_id, contact_id, scheduled_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_org_status_scheduled
  ON appointments (tenant_id, status, scheduled_at) WHERE status IN ('SCHEDULED', 'CONFIRMED');
