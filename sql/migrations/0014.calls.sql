-- depends: 0011.run_indexes
-- Who answers for a tenant, what it dials and what became of calls, and appointments.

CREATE TABLE users (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  name        text        NOT NULL CHECK (name <> ''),
  email       text        CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  status      text        NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE')),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, email)
);

CREATE TABLE agents (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  user_id     uuid,
  name        text        NOT NULL CHECK (name <> ''),
  extension   text        CHECK (extension ~ '^[A-Za-z0-9*#_-]{1,32}$'),
  status      text        NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE')),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE SET NULL (user_id)
);
COMMENT ON COLUMN agents.user_id IS 'the person, null: a machine answers';
COMMENT ON COLUMN agents.extension IS 'where the dialplan puts calls for it through to';

-- What happens on a call that comes in: by number, or where a number has no row, the tenant's own.
CREATE TABLE inbound_agent_config (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  did_id      uuid,
  agent_id    uuid,
  greeting    text,
  settings    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE NULLS NOT DISTINCT (tenant_id, did_id),
  FOREIGN KEY (tenant_id, did_id) REFERENCES dids (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
    ON DELETE SET NULL (agent_id)
);
COMMENT ON COLUMN inbound_agent_config.did_id IS 'null: of all numbers that have no row of their own';

CREATE TABLE appointments (
  tenant_id     uuid        NOT NULL,
  id            uuid        NOT NULL DEFAULT trunkline_uuid7(),
  contact_id    uuid        NOT NULL,
  service_id    uuid,
  agent_id      uuid,
  status        text        NOT NULL DEFAULT 'SCHEDULED'
                CHECK (status IN ('SCHEDULED', 'CONFIRMED', 'COMPLETED', 'CANCELLED', 'NO_SHOW')),
  scheduled_at  timestamptz NOT NULL,
  notes         text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
    ON DELETE SET NULL (agent_id)
);

-- Tables of one row a tenant or a campaign: their checks are validated at once.
ALTER TABLE tenants
  ADD COLUMN max_calls_at_once integer NOT NULL DEFAULT 10
    CONSTRAINT tenants_calls_check CHECK (max_calls_at_once BETWEEN 0 AND 100000);
COMMENT ON COLUMN tenants.max_calls_at_once IS 'what exceeds it stays queued; 0: no calls';

ALTER TABLE campaigns
  ADD COLUMN call_attempts integer NOT NULL DEFAULT 1
    CONSTRAINT campaigns_call_attempts_check CHECK (call_attempts BETWEEN 1 AND 20),
  ADD COLUMN call_retry_minutes integer NOT NULL DEFAULT 60
    CONSTRAINT campaigns_call_retry_minutes_check CHECK (call_retry_minutes BETWEEN 1 AND 10080),
  ADD COLUMN call_retry_on text[] NOT NULL DEFAULT '{no_answer,busy,failed}'
    CONSTRAINT campaigns_call_retry_on_check
      CHECK (call_retry_on <@ '{no_answer,busy,failed,machine,none}');
COMMENT ON COLUMN campaigns.call_attempts IS 'how often one contact is dialed at most';
COMMENT ON COLUMN campaigns.call_retry_on IS 'outcomes after which a contact is dialed again';

ALTER TABLE contacts
  ADD COLUMN last_called_at timestamptz,
  ADD COLUMN last_call_outcome text;
COMMENT ON COLUMN contacts.last_called_at IS 'when it was last dialed';

-- What is to be dialed and what was. channel_id is ours, given to the PBX as the channel's Uniqueid,
-- so that a call's events are known by it before the call exists.
CREATE TABLE call_queue (
  tenant_id           uuid        NOT NULL,
  id                  uuid        NOT NULL DEFAULT trunkline_uuid7(),
  campaign_id         uuid,
  contact_id          uuid        NOT NULL,
  journey_id          uuid,
  journey_contact_id  bigint,
  execution_id        bigint,
  to_number           text        NOT NULL,
  from_number         text,
  extension           text        NOT NULL DEFAULT 's' CHECK (extension ~ '^[A-Za-z0-9*#_-]{1,32}$'),
  variables           jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(variables) = 'object'),
  ring_timeout_s      integer     NOT NULL DEFAULT 30 CHECK (ring_timeout_s BETWEEN 5 AND 300),
  state               text        NOT NULL DEFAULT 'QUEUED'
                      CHECK (state IN ('QUEUED', 'HELD', 'DIALING', 'DONE', 'FAILED', 'CANCELLED')),
  outcome             text        CHECK (outcome IN (
                        'answered', 'no_answer', 'busy', 'failed', 'machine', 'transferred', 'none')),
  due_at              timestamptz NOT NULL DEFAULT now(),
  callable_until      timestamptz DEFAULT '-infinity',
  attempts            integer     NOT NULL DEFAULT 0,
  lease_token         uuid,
  lease_until         timestamptz,
  pbx                 text,
  channel_id          text,
  dialed_at           timestamptz,
  error               text,
  created_at          timestamptz NOT NULL DEFAULT now(),
  finished_at         timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, execution_id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
  FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN call_queue.execution_id IS 'the step that asked for it: one call a step at most';
COMMENT ON COLUMN call_queue.state IS
  'DONE: it was dialed and had its outcome; FAILED: it could not be dialed; HELD: until its campaign goes on';
COMMENT ON COLUMN call_queue.outcome IS 'of the last time it was dialed; none: nothing was heard of it';
COMMENT ON COLUMN call_queue.due_at IS 'not dialed before';
COMMENT ON COLUMN call_queue.callable_until IS
  'from then on its hours are over and it waits for the next; by default it is given its first; null: at any time';
COMMENT ON COLUMN call_queue.attempts IS 'how often it was dialed';
COMMENT ON COLUMN call_queue.lease_until IS 'while DIALING: when nothing is expected to be heard of it any more';
COMMENT ON COLUMN call_queue.extension IS 'where the dialplan takes a call that was answered';

-- One row a call, put together from the PBX's events in any order.
CREATE TABLE call_logs (
  tenant_id           uuid        NOT NULL REFERENCES tenants (id),
  id                  uuid        NOT NULL DEFAULT trunkline_uuid7(),
  pbx                 text        NOT NULL,
  unique_id           text        NOT NULL,
  linked_id           text        NOT NULL,
  direction           text        NOT NULL DEFAULT 'inbound'
                      CHECK (direction IN ('inbound', 'outbound', 'internal')),
  from_number         text,
  to_number           text,
  phone_number        text        GENERATED ALWAYS AS (
                        CASE direction WHEN 'inbound' THEN from_number ELSE to_number END) STORED,
  did                 text,
  trunk               text,
  context             text,
  transfer_number     text,
  agent_id            uuid,
  campaign_id         uuid,
  contact_id          uuid,
  journey_contact_id  bigint,
  execution_id        bigint,
  status              text        NOT NULL DEFAULT 'STARTED'
                      CHECK (status IN ('STARTED', 'RINGING', 'ANSWERED', 'ENDED')),
  disposition         text,
  started_at          timestamptz,
  ringing_at          timestamptz,
  answered_at         timestamptz,
  ended_at            timestamptz,
  duration            integer     CHECK (duration >= 0),
  billable_seconds    integer     CHECK (billable_seconds >= 0),
  hangup_cause        integer,
  hangup_text         text,
  unknown_end         boolean     NOT NULL DEFAULT false,
  flow                jsonb       NOT NULL DEFAULT '[]',
  user_events         jsonb       NOT NULL DEFAULT '[]',
  state               jsonb       NOT NULL DEFAULT '{}',
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, pbx, unique_id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id) ON DELETE SET NULL (agent_id),
  FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id)
    ON DELETE SET NULL (campaign_id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
    ON DELETE SET NULL (contact_id)
);
COMMENT ON COLUMN call_logs.unique_id IS 'the Uniqueid of the call''s first channel';
COMMENT ON COLUMN call_logs.phone_number IS 'the other party''s; E.164 where it reads as a number';
COMMENT ON COLUMN call_logs.disposition IS 'as Asterisk''s own records have it: ANSWERED, NO ANSWER, BUSY, FAILED';
COMMENT ON COLUMN call_logs.duration IS 'seconds from started_at to ended_at';
COMMENT ON COLUMN call_logs.unknown_end IS 'its end was missed; ended_at is when that was found out';
COMMENT ON COLUMN call_logs.flow IS 'the last 100 events';
COMMENT ON COLUMN call_logs.state IS 'what later events are merged with';

-- Calls on numbers that nobody owns yet.
CREATE TABLE call_quarantine (
  pbx               text        NOT NULL,
  unique_id         text        NOT NULL,
  linked_id         text        NOT NULL,
  direction         text        NOT NULL DEFAULT 'inbound'
                    CHECK (direction IN ('inbound', 'outbound', 'internal')),
  from_number       text,
  to_number         text,
  did               text,
  trunk             text,
  context           text,
  transfer_number   text,
  status            text        NOT NULL DEFAULT 'STARTED'
                    CHECK (status IN ('STARTED', 'RINGING', 'ANSWERED', 'ENDED')),
  disposition       text,
  started_at        timestamptz,
  ringing_at        timestamptz,
  answered_at       timestamptz,
  ended_at          timestamptz,
  duration          integer     CHECK (duration >= 0),
  billable_seconds  integer     CHECK (billable_seconds >= 0),
  hangup_cause      integer,
  hangup_text       text,
  unknown_end       boolean     NOT NULL DEFAULT false,
  flow              jsonb       NOT NULL DEFAULT '[]',
  user_events       jsonb       NOT NULL DEFAULT '[]',
  state             jsonb       NOT NULL DEFAULT '{}',
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pbx, unique_id)
);
