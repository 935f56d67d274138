-- depends: 0008.engine
-- The numbers tenants send from and are called on.

CREATE TABLE dids (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  number      text        NOT NULL UNIQUE CHECK (number ~ '^\+[1-9][0-9]{6,14}$'),
  status      text        NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE')),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN dids.number IS 'E.164; one tenant''s alone';
COMMENT ON COLUMN dids.status IS 'messages are sent from ACTIVE ones';

-- Messages take their senders from here, in order of number. The table is new, so it is empty.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idx_dids_active ON dids (tenant_id, number) WHERE status = 'ACTIVE';
