-- depends: 0011.run_indexes
-- Calls of webhooks that journeys wait for, and what tenants lay down about theirs.

-- What is to be called, and nothing else: a call that got its answer is deleted, and the answer is
-- the result of its step. A worker that takes one moves due_at to when it is to be taken for dead,
-- so what it leaves behind falls due by itself.
CREATE TABLE webhook_calls (
  tenant_id           uuid        NOT NULL REFERENCES tenants (id),
  id                  uuid        NOT NULL,
  journey_id          uuid        NOT NULL,
  journey_contact_id  bigint      NOT NULL,
  execution_id        bigint      NOT NULL,
  url                 text        NOT NULL,
  body                text        NOT NULL,
  attempts            integer     NOT NULL DEFAULT 0,
  due_at              timestamptz NOT NULL,
  lease_token         uuid,
  error               text,
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, journey_contact_id) REFERENCES journey_contacts (tenant_id, id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON COLUMN webhook_calls.id IS 'the idempotency key of every try';
COMMENT ON COLUMN webhook_calls.execution_id IS 'the step that waits for the answer';
COMMENT ON COLUMN webhook_calls.due_at IS
  'not called before; a failed try moves it; under a lease: when its worker is taken for dead';
COMMENT ON COLUMN webhook_calls.lease_token IS 'whoever calls now, and whose answer counts';
COMMENT ON COLUMN webhook_calls.error IS 'why the last try failed or the call waits';

-- The table is new, so it is empty.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idx_webhook_calls_due ON webhook_calls (tenant_id, due_at);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idx_webhook_calls_leased ON webhook_calls (tenant_id, due_at)
  WHERE lease_token IS NOT NULL;

-- 244 random bits. The default comes after the column, or the table would be written anew.
ALTER TABLE tenants
  ADD COLUMN webhook_secret text,
  ADD COLUMN webhook_allow_private boolean NOT NULL DEFAULT false;
ALTER TABLE tenants ALTER COLUMN webhook_secret
  SET DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
UPDATE tenants SET webhook_secret = DEFAULT;
-- A row a tenant: looked through in a moment.
-- squawk-ignore adding-not-nullable-field
ALTER TABLE tenants ALTER COLUMN webhook_secret SET NOT NULL;
COMMENT ON COLUMN tenants.webhook_secret IS 'signs the bodies of its webhook calls; not to be logged';
COMMENT ON COLUMN tenants.webhook_allow_private IS
  'its webhooks may call private and loopback addresses';
