-- Tenants, what they own, and the rules they run by.

-- Time-ordered ids: random ones cost a quarter of an import's speed in index pages touched.
-- Postgres 18 has them built in; before, the same bits are put together from a random UUID.
DO $$
BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN
    CREATE FUNCTION trunkline_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
      AS 'SELECT uuidv7()';
  ELSE
    CREATE FUNCTION trunkline_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
      AS 'SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING substring(
            int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
          FROM 1 FOR 6), 52, 1), 53, 1), ''hex'')::uuid';
  END IF;
END
$$;

CREATE TABLE tenants (
  id          uuid        PRIMARY KEY DEFAULT trunkline_uuid7(),
  slug        text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name        text        NOT NULL,
  status      text        NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
  region      text        NOT NULL CHECK (region ~ '^[A-Z]{2}$'),
  timezone    text        NOT NULL,
  sms_sender  text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN tenants.region IS 'ISO 3166 country whose phone format numbers without a plus are read in';
COMMENT ON COLUMN tenants.timezone IS 'IANA zone, used where a contact has none';

-- A tenant without a row here may send at any time.
CREATE TABLE execution_rules (
  tenant_id   uuid        PRIMARY KEY REFERENCES tenants (id),
  weekdays    integer[]   NOT NULL DEFAULT '{1,2,3,4,5,6,7}'
              CHECK (cardinality(weekdays) > 0 AND weekdays <@ '{1,2,3,4,5,6,7}'),
  opens_at    time        NOT NULL DEFAULT '00:00',
  closes_at   time        NOT NULL DEFAULT '24:00' CHECK (closes_at > opens_at),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN execution_rules.weekdays IS 'ISO weekdays, Monday is 1';

CREATE TABLE contacts (
  tenant_id       uuid        NOT NULL REFERENCES tenants (id),
  id              uuid        NOT NULL DEFAULT trunkline_uuid7(),
  phone_number    text        NOT NULL CHECK (phone_number ~ '^\+[1-9][0-9]{6,14}$'),
  first_name      text,
  last_name       text,
  email           text,
  company         text,
  timezone        text,
  status          text        NOT NULL DEFAULT 'NEW' CHECK (status ~ '^[A-Z][A-Z_]{0,31}$'),
  do_not_contact  boolean     NOT NULL DEFAULT false,
  tags            text[]      NOT NULL DEFAULT '{}',
  attributes      jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
  import_run_id   uuid,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, phone_number)
);
COMMENT ON COLUMN contacts.phone_number IS 'E.164';
COMMENT ON COLUMN contacts.import_run_id IS 'the run that created the contact';

CREATE TABLE campaigns (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  name        text        NOT NULL,
  status      text        NOT NULL DEFAULT 'DRAFT'
              CHECK (status IN ('DRAFT', 'SCHEDULED', 'RUNNING', 'PAUSED', 'FINISHED', 'STOPPED')),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);

CREATE TABLE campaign_contacts (
  tenant_id    uuid        NOT NULL,
  campaign_id  uuid        NOT NULL,
  contact_id   uuid        NOT NULL,
  status       text        NOT NULL DEFAULT 'PENDING'
               CHECK (status IN ('PENDING', 'SENT', 'REACHED', 'FAILED')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, campaign_id, contact_id),
  FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
);
