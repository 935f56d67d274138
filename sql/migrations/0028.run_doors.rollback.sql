DROP FUNCTION trunkline_enqueue(uuid, text, jsonb, text, timestamptz, integer, text, interval, interval);
DROP FUNCTION trunkline_enqueue_many(
  uuid, text, jsonb[], text[], timestamptz[], integer[], text, interval, interval
);
DROP FUNCTION trunkline_argument_errors(text, jsonb);
-- The index to come allows a key once among unfinished runs, of whatever sort.
UPDATE job_runs SET unique_key = NULL, folds = false WHERE folds;

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
