-- depends: 0005.indexes
-- transactional: false
-- What pausing, removing and entering again need. Every statement may be run twice: one that fails
-- leaves those before it done.

ALTER TABLE journeys
  ADD COLUMN IF NOT EXISTS reentry text NOT NULL DEFAULT 'once'
    CHECK (reentry IN ('once', 'many', 'many_not_concurrent'));
COMMENT ON COLUMN journeys.reentry IS 'whether a contact may enter again: while it is in, after it has left, or never';

-- A change of status waits for the batches that share-lock the row, and Postgres lets new sharers
-- pass who waits. A gate, committed first, keeps new claims out of the tenant until the change is
-- through; one whose maker died opens by itself.
CREATE TABLE IF NOT EXISTS claim_gates (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

-- Changes of status whose pending steps have not all been held or released yet.
CREATE TABLE IF NOT EXISTS status_changes (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id          bigint      GENERATED ALWAYS AS IDENTITY,
  journey_id  uuid,
  status      text        NOT NULL,
  changed_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN status_changes.journey_id IS 'null: the tenant''s own status';

-- By trigger, so that a status changed by any other service is seen too.
CREATE OR REPLACE FUNCTION trunkline_note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'tenants' THEN
    INSERT INTO status_changes (tenant_id, status) VALUES (NEW.id, NEW.status);
  ELSE
    INSERT INTO status_changes (tenant_id, journey_id, status)
    VALUES (NEW.tenant_id, NEW.id, NEW.status);
  END IF;
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER note_status BEFORE UPDATE OF status ON journeys
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION trunkline_note_status();
CREATE OR REPLACE TRIGGER note_status BEFORE UPDATE OF status ON tenants
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION trunkline_note_status();

-- Steps are found by their enrollment when a contact is removed; the key that does it costs a step
-- no further index entry.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS pending_executions_by_enrollment
  ON pending_executions (tenant_id, journey_contact_id, id);
ALTER TABLE pending_executions
  -- squawk-ignore ban-drop-constraint
  DROP CONSTRAINT IF EXISTS pending_executions_pkey,
  ADD CONSTRAINT pending_executions_pkey PRIMARY KEY USING INDEX pending_executions_by_enrollment;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_pending_executions_held
  ON pending_executions (tenant_id, journey_contact_id) WHERE state = 'HELD';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_journey_contacts_paused
  ON journey_contacts (tenant_id, contact_id) WHERE status = 'PAUSED';
