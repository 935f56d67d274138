-- depends: 0003.messages
-- The ledger of jobs, its way in for any language, and the fence of calendar firings.

CREATE TABLE job_runs (
  tenant_id       uuid        NOT NULL REFERENCES tenants (id),
  id              uuid        NOT NULL DEFAULT trunkline_uuid7(),
  kind            text        NOT NULL,
  args            jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(args) = 'object'),
  state           text        NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  unique_key      text,
  run_at          timestamptz NOT NULL DEFAULT now(),
  attempts        integer     NOT NULL DEFAULT 0,
  max_attempts    integer,
  lease_token     uuid,
  lease_until     timestamptz,
  cursor          jsonb,
  progress_done   bigint      NOT NULL DEFAULT 0,
  progress_total  bigint,
  result          jsonb,
  error           text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  started_at      timestamptz,
  finished_at     timestamptz,
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN job_runs.max_attempts IS 'null: what the settings say';
COMMENT ON COLUMN job_runs.cursor IS 'how far the run came, committed with the chunk it stands for';

CREATE TABLE import_errors (
  tenant_id    uuid        NOT NULL,
  run_id       uuid        NOT NULL,
  line_number  bigint      NOT NULL,
  reason       text        NOT NULL,
  row          jsonb       NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, run_id, line_number),
  FOREIGN KEY (tenant_id, run_id) REFERENCES job_runs (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN import_errors.row IS 'the rejected row as it stood in the file: an array of its fields';

-- One line for each journey that a batch touched.
CREATE TABLE batch_runs (
  tenant_id     uuid        NOT NULL REFERENCES tenants (id),
  id            bigint      GENERATED ALWAYS AS IDENTITY,
  batch_id      uuid        NOT NULL,
  journey_id    uuid        NOT NULL,
  status        text        NOT NULL CHECK (status IN ('COMPLETED', 'SPLIT')),
  claimed       integer     NOT NULL,
  completed     integer     NOT NULL,
  rescheduled   integer     NOT NULL,
  failed        integer     NOT NULL,
  statements    integer     NOT NULL,
  late_ms       bigint      NOT NULL,
  started_at    timestamptz NOT NULL,
  finished_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN batch_runs.status IS 'SPLIT: the database refused rows, and the batch was halved until they stood alone';
COMMENT ON COLUMN batch_runs.statements IS 'of the whole batch, all its journeys together';
COMMENT ON COLUMN batch_runs.late_ms IS 'how long after its time the latest step was claimed';

-- A calendar entry fires once for each time, whoever leads: the key is the fence. The row is also
-- the work: it stays until a worker has done it and set finished_at in the same transaction.
CREATE TABLE schedule_firings (
  schedule     text        NOT NULL,
  fire_at      timestamptz NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  attempts     integer     NOT NULL DEFAULT 0,
  finished_at  timestamptz,
  result       jsonb,
  error        text,
  PRIMARY KEY (schedule, fire_at)
);

-- The payload names the ledger that has news; listeners look for themselves.
CREATE FUNCTION trunkline_enqueue(
  tenant_id uuid,
  kind text,
  args jsonb DEFAULT '{}',
  unique_key text DEFAULT NULL,
  run_at timestamptz DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  run_id uuid;
BEGIN
  -- Twice: the unfinished run of the same key may end between the insert and the look.
  FOR attempt IN 1..2 LOOP
    INSERT INTO job_runs AS r (tenant_id, kind, args, unique_key, run_at)
    VALUES (
      trunkline_enqueue.tenant_id, trunkline_enqueue.kind, coalesce(trunkline_enqueue.args, '{}'),
      trunkline_enqueue.unique_key, coalesce(trunkline_enqueue.run_at, now())
    )
    ON CONFLICT (tenant_id, kind, unique_key)
      WHERE state IN ('queued', 'running') AND unique_key IS NOT NULL
      DO NOTHING
    RETURNING r.id INTO run_id;
    IF run_id IS NOT NULL THEN
      PERFORM pg_notify('trunkline', 'runs');
      RETURN run_id;
    END IF;
    SELECT r.id INTO run_id FROM job_runs AS r
    WHERE r.tenant_id = trunkline_enqueue.tenant_id
      AND r.kind = trunkline_enqueue.kind
      AND r.unique_key = trunkline_enqueue.unique_key
      AND r.state IN ('queued', 'running');
    IF run_id IS NOT NULL THEN
      RETURN run_id;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'trunkline_enqueue: another run of kind % with key % came and went meanwhile',
    trunkline_enqueue.kind, trunkline_enqueue.unique_key USING ERRCODE = 'serialization_failure';
END
$$;
COMMENT ON FUNCTION trunkline_enqueue IS
  'Writes a run in the caller''s transaction; its commit wakes the scheduler. Returns the id of the run, '
  'which is the unfinished one where unique_key names one already.';
