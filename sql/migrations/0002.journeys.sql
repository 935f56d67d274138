-- depends: 0001.tenants_and_contacts
-- Journeys, the contacts in them, what is due and what was done.

CREATE TABLE journeys (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  key         text        NOT NULL,
  name        text        NOT NULL,
  status      text        NOT NULL DEFAULT 'ACTIVE'
              CHECK (status IN ('DRAFT', 'ACTIVE', 'PAUSED', 'ARCHIVED')),
  version     integer     NOT NULL,
  definition  jsonb       NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, key)
);
COMMENT ON COLUMN journeys.key IS 'the word the journey file and the command line know it by';
COMMENT ON COLUMN journeys.version IS 'new contacts enter this version; those in flight finish on theirs';

CREATE TABLE journey_nodes (
  tenant_id   uuid        NOT NULL,
  id          bigint      GENERATED ALWAYS AS IDENTITY,
  journey_id  uuid        NOT NULL,
  version     integer     NOT NULL,
  key         text        NOT NULL,
  type        text        NOT NULL,
  config      jsonb       NOT NULL,
  edges       jsonb       NOT NULL,
  is_start    boolean     NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, journey_id, version, key),
  FOREIGN KEY (tenant_id, journey_id) REFERENCES journeys (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN journey_nodes.edges IS 'outcome → key of the next node, or null where the journey ends';

CREATE TABLE journey_contacts (
  tenant_id    uuid        NOT NULL,
  id           bigint      GENERATED ALWAYS AS IDENTITY,
  journey_id   uuid        NOT NULL,
  contact_id   uuid        NOT NULL,
  version      integer     NOT NULL,
  entry_no     integer     NOT NULL DEFAULT 1,
  status       text        NOT NULL DEFAULT 'ACTIVE'
               CHECK (status IN ('ACTIVE', 'PAUSED', 'COMPLETED', 'REMOVED', 'FAILED')),
  source       text        NOT NULL
               CHECK (source IN ('manual', 'webhook', 'segment', 'campaign', 'import', 'journey', 'event')),
  data         jsonb       NOT NULL DEFAULT '{}',
  entered_at   timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  error        text,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, journey_id, contact_id, entry_no),
  FOREIGN KEY (tenant_id, journey_id) REFERENCES journeys (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);

-- Small and hot: one row for each contact in flight. No foreign keys and one index besides the
-- key, because every step pays for them; the claim joins journeys and journey_contacts by
-- tenant_id, so a row that pointed elsewhere would never run.
CREATE TABLE pending_executions (
  tenant_id           uuid        NOT NULL,
  id                  bigint      GENERATED ALWAYS AS IDENTITY (CACHE 100),
  journey_id          uuid        NOT NULL,
  journey_contact_id  bigint      NOT NULL,
  node_id             bigint      NOT NULL,
  state               text        NOT NULL DEFAULT 'DUE' CHECK (state IN ('DUE', 'WAITING', 'HELD')),
  scheduled_at        timestamptz NOT NULL,
  attempts            integer     NOT NULL DEFAULT 0,
  entered_at          timestamptz NOT NULL,
  error               text,
  PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
COMMENT ON COLUMN pending_executions.entered_at IS 'when the contact came to the node; waits count from here';
COMMENT ON COLUMN pending_executions.error IS 'why the last try failed or the step was put off';

-- What was done: append-only, never updated, dropped a month at a time.
CREATE TABLE journey_node_executions (
  tenant_id           uuid        NOT NULL,
  id                  bigint      NOT NULL,
  journey_id          uuid        NOT NULL,
  journey_contact_id  bigint      NOT NULL,
  node_id             bigint      NOT NULL,
  status              text        NOT NULL CHECK (status IN ('COMPLETED', 'FAILED', 'SKIPPED')),
  scheduled_at        timestamptz NOT NULL,
  executed_at         timestamptz,
  completed_at        timestamptz,
  attempts            integer     NOT NULL,
  outcome             text,
  result              jsonb,
  error               text,
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON COLUMN journey_node_executions.id IS 'the id the step had while it was pending';

-- The parent has no partitions yet, so these are empty; each partition made below gets its own.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idx_journey_node_executions_node_contact_tenant
  ON ONLY journey_node_executions (node_id, journey_contact_id, tenant_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idx_journey_node_executions_executed_at
  ON ONLY journey_node_executions (executed_at DESC) WHERE executed_at IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idx_journey_node_executions_contact_tenant_executed
  ON ONLY journey_node_executions (journey_contact_id, tenant_id, executed_at DESC);

CREATE FUNCTION trunkline_extend_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  month_start date;
  made integer := 0;
  partition_name text;
BEGIN
  FOR month_start IN
    SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => m))::date
    FROM generate_series(0, months_ahead) AS m
  LOOP
    partition_name := 'journey_node_executions_' || to_char(month_start, 'YYYY_MM');
    IF to_regclass(partition_name) IS NULL THEN
      EXECUTE format(
        'CREATE TABLE %I PARTITION OF journey_node_executions FOR VALUES FROM (%L) TO (%L)',
        partition_name,
        month_start::timestamp AT TIME ZONE 'UTC',
        (month_start + interval '1 month') AT TIME ZONE 'UTC'
      );
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION trunkline_extend_partitions IS
  'Makes the monthly (UTC) partitions of this month and the given number after it; returns how many were missing';

DO $$ BEGIN PERFORM trunkline_extend_partitions(3); END $$;
