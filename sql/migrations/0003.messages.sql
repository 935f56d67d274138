-- depends: 0002.journeys
-- What is to be sent and what was. The row's id is the idempotency key of every try.

CREATE TABLE messages (
  tenant_id            uuid        NOT NULL,
  id                   uuid        NOT NULL DEFAULT trunkline_uuid7(),
  contact_id           uuid        NOT NULL,
  journey_id           uuid,
  journey_contact_id   bigint,
  execution_id         bigint,
  method               text        NOT NULL DEFAULT 'SMS' CHECK (method IN ('SMS')),
  status               text        NOT NULL DEFAULT 'QUEUED'
                       CHECK (status IN ('QUEUED', 'SENDING', 'SENT', 'FAILED', 'CANCELLED')),
  to_number            text        NOT NULL,
  from_number          text,
  body                 text        NOT NULL CHECK (char_length(body) BETWEEN 1 AND 1600),
  attempts             integer     NOT NULL DEFAULT 0,
  due_at               timestamptz NOT NULL DEFAULT now(),
  lease_token          uuid,
  lease_until          timestamptz,
  provider_message_id  text,
  error                text,
  created_at           timestamptz NOT NULL DEFAULT now(),
  sent_at              timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, execution_id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
COMMENT ON COLUMN messages.execution_id IS 'the step that asked for it: one message a step at most';
COMMENT ON COLUMN messages.due_at IS 'not sent before; a failed try moves it';
COMMENT ON COLUMN messages.lease_until IS 'while SENDING: after this the sender is taken for dead';
