-- depends: 0027.run_line_indexes
-- The ways in for any language: one run, or thousands in one statement.

-- What is wrong with the arguments of a run, all of it; null where nothing is. Types and values are
-- looked at by the model of the kind, in Python.
CREATE FUNCTION trunkline_argument_errors(kind text, args jsonb) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN jsonb_typeof($2) IS DISTINCT FROM 'object' THEN 'arguments must be an object'
    WHEN k.kind IS NULL THEN
      CASE WHEN EXISTS (SELECT FROM job_kinds) THEN 'unknown kind ' || quote_literal($1) END
    ELSE (
      SELECT string_agg(wrong.text, '; ' ORDER BY wrong.text)
      FROM (
        SELECT name || ': is missing' AS text FROM unnest(k.required) AS name WHERE NOT $2 ? name
        UNION ALL
        SELECT name || ': is unknown' FROM jsonb_object_keys($2) AS name
        WHERE NOT name = ANY (k.allowed)
      ) AS wrong
    )
  END
  FROM (SELECT) AS one
  LEFT JOIN job_kinds AS k ON k.kind = $1
$$;

-- Of items with the same key, the calls one after the other come to the same: by 'unique' the first
-- counts, by the others the last one's arguments.
CREATE FUNCTION trunkline_enqueue_many(
  tenant_id uuid,
  kind text,
  args jsonb[],
  unique_keys text[] DEFAULT NULL,
  run_ats timestamptz[] DEFAULT NULL,
  priorities integer[] DEFAULT NULL,
  how text DEFAULT 'unique',
  period interval DEFAULT NULL,
  max_wait interval DEFAULT NULL
) RETURNS TABLE (item integer, run_id uuid, outcome text, error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
<<f>>
DECLARE
  tenant_id ALIAS FOR $1;
  kind ALIAS FOR $2;
  args ALIAS FOR $3;
  unique_keys ALIAS FOR $4;
  run_ats ALIAS FOR $5;
  priorities ALIAS FOR $6;
  how ALIAS FOR $7;
  period ALIAS FOR $8;
  max_wait ALIAS FOR $9;
  new_ids uuid[];
  run_ids uuid[];
  errors text[];
BEGIN
  IF how NOT IN ('unique', 'throttle', 'debounce', 'keep_last') THEN
    RAISE EXCEPTION 'trunkline_enqueue: how % is none of unique, throttle, debounce, keep_last',
      quote_literal(how) USING ERRCODE = 'invalid_parameter_value';
  ELSIF (how IN ('throttle', 'debounce') AND period IS NULL) OR (how = 'keep_last' AND period IS NOT NULL)
    OR period <= interval '0' OR max_wait < period OR (how <> 'debounce' AND max_wait IS NOT NULL) THEN
    RAISE EXCEPTION 'trunkline_enqueue: % with period % and max_wait %: throttle and debounce need a period, '
      'keep_last takes none, and only debounce a max_wait, which is not below it',
      how, coalesce(period::text, 'null'), coalesce(max_wait::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF greatest(cardinality(unique_keys), cardinality(run_ats), cardinality(priorities)) > cardinality(args) THEN
    RAISE EXCEPTION 'trunkline_enqueue_many: unique_keys, run_ats and priorities must not be longer than args'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- In the order of the items, which is that of their starts.
  SELECT array_agg(made.id ORDER BY made.id)
  INTO new_ids
  FROM (SELECT trunkline_uuid7() AS id FROM generate_series(1, cardinality(f.args))) AS made;

  SELECT array_agg(
           nullif(concat_ws(
             '; ',
             trunkline_argument_errors(f.kind, i.args),
             CASE WHEN f.how <> 'unique' AND i.key IS NULL THEN 'unique_key: ' || f.how || ' needs one' END,
             CASE WHEN f.how = 'debounce' AND i.run_at IS NOT NULL THEN
               'run_at: does not go with debounce' END
           ), '')
           ORDER BY i.n
         )
  INTO errors
  FROM unnest(f.args, f.unique_keys, f.run_ats) WITH ORDINALITY AS i (args, key, run_at, n);

  IF f.how = 'unique' THEN
    -- Twice: the run that has a key may end between the insert and the look.
    FOR attempt IN 1..2 LOOP
      INSERT INTO job_runs AS r (tenant_id, id, kind, args, unique_key, run_at, priority, created_at)
      SELECT f.tenant_id, i.id, f.kind, i.args, i.key, coalesce(i.run_at, now()), coalesce(i.priority, 0), now()
      FROM (
        SELECT DISTINCT ON (i.key, CASE WHEN i.key IS NULL THEN i.n END) i.*
        FROM unnest(new_ids, f.args, f.unique_keys, f.run_ats, f.priorities, errors, run_ids)
          WITH ORDINALITY AS i (id, args, key, run_at, priority, error, run_id, n)
        WHERE i.error IS NULL AND i.run_id IS NULL
        ORDER BY i.key, CASE WHEN i.key IS NULL THEN i.n END, i.n
      ) AS i
      WHERE f.period IS NULL OR NOT EXISTS (
        SELECT FROM job_runs AS before
        WHERE before.tenant_id = f.tenant_id AND before.kind = f.kind AND before.unique_key = i.key
          AND NOT before.folds AND before.created_at > now() - f.period
      )
      ORDER BY i.key
      ON CONFLICT (tenant_id, kind, unique_key)
        WHERE state IN ('queued', 'running') AND unique_key IS NOT NULL AND NOT folds
        DO NOTHING;

      SELECT array_agg(coalesce(i.run_id, own.id, of_key.id) ORDER BY i.n)
      INTO run_ids
      FROM unnest(new_ids, f.unique_keys, run_ids) WITH ORDINALITY AS i (id, key, run_id, n)
      LEFT JOIN job_runs AS own ON own.tenant_id = f.tenant_id AND own.id = i.id
      LEFT JOIN LATERAL (
        SELECT r.id FROM job_runs AS r
        WHERE r.tenant_id = f.tenant_id AND r.kind = f.kind AND r.unique_key = i.key AND NOT r.folds
          AND (r.state IN ('queued', 'running') OR r.created_at > now() - f.period)
        ORDER BY r.created_at DESC
        LIMIT 1
      ) AS of_key ON own.id IS NULL;
      EXIT WHEN NOT EXISTS (
        SELECT FROM unnest(run_ids, errors) AS i (run_id, error) WHERE i.run_id IS NULL AND i.error IS NULL
      );
    END LOOP;
  ELSE
    -- Who takes one of them up at this moment is waited for: it has begun then.
    PERFORM FROM job_runs AS r
    WHERE r.tenant_id = f.tenant_id AND r.kind = f.kind AND r.unique_key = ANY (f.unique_keys)
      AND r.state = 'queued' AND r.folds AND r.started_at IS NULL
    ORDER BY r.unique_key
    FOR UPDATE;

    WITH calls AS (
      -- The place is the first one's, the arguments are the last one's.
      SELECT DISTINCT ON (i.key) i.key, i.args,
             first_value(i.id) OVER first AS id, first_value(i.run_at) OVER first AS run_at,
             max(coalesce(i.priority, 0)) OVER (PARTITION BY i.key) AS priority
      FROM unnest(new_ids, f.args, f.unique_keys, f.run_ats, f.priorities, errors)
        WITH ORDINALITY AS i (id, args, key, run_at, priority, error, n)
      WHERE i.error IS NULL
      WINDOW first AS (PARTITION BY i.key ORDER BY i.n)
      ORDER BY i.key, i.n DESC
    ), folded AS (
      INSERT INTO job_runs AS r (tenant_id, id, kind, args, unique_key, folds, run_at, priority, created_at)
      SELECT f.tenant_id, c.id, f.kind, c.args, c.key, true,
             CASE f.how
               WHEN 'debounce' THEN now() + f.period
               WHEN 'throttle' THEN greatest(coalesce(c.run_at, now()), begun.at + f.period)
               ELSE coalesce(c.run_at, now())
             END,
             c.priority, now()
      FROM calls AS c
      LEFT JOIN LATERAL (
        SELECT b.started_at AS at FROM job_runs AS b
        WHERE f.how = 'throttle' AND b.tenant_id = f.tenant_id AND b.kind = f.kind
          AND b.unique_key = c.key AND b.folds AND b.started_at IS NOT NULL
        ORDER BY b.created_at DESC
        LIMIT 1
      ) AS begun ON true
      ORDER BY c.key
      ON CONFLICT (tenant_id, kind, unique_key) WHERE state = 'queued' AND folds AND started_at IS NULL
        DO UPDATE SET
          args = excluded.args,
          priority = greatest(r.priority, excluded.priority),
          run_at = CASE f.how
            WHEN 'debounce' THEN least(excluded.run_at, r.created_at + f.max_wait)
            ELSE r.run_at
          END
      RETURNING r.id, r.unique_key
    )
    SELECT array_agg(d.id ORDER BY i.n)
    INTO run_ids
    FROM unnest(f.unique_keys, errors) WITH ORDINALITY AS i (key, error, n)
    LEFT JOIN folded AS d ON d.unique_key = i.key AND i.error IS NULL;
  END IF;

  IF EXISTS (SELECT FROM unnest(run_ids) AS i (run_id) WHERE i.run_id IS NOT NULL) THEN
    PERFORM pg_notify('trunkline', 'runs');
  END IF;
  RETURN QUERY
  SELECT i.n::integer, i.run_id,
         CASE
           WHEN i.error IS NOT NULL OR i.run_id IS NULL THEN 'refused'
           WHEN own.id IS NOT NULL AND row_number() OVER (PARTITION BY i.run_id ORDER BY i.n) = 1 THEN 'created'
           WHEN f.how = 'unique' THEN 'existing'
           ELSE 'folded'
         END,
         CASE WHEN i.run_id IS NULL
           THEN coalesce(i.error, 'another run of this key came and went meanwhile: try again') END
  FROM unnest(run_ids, errors) WITH ORDINALITY AS i (run_id, error, n)
  LEFT JOIN unnest(new_ids) AS own (id) ON own.id = i.run_id
  ORDER BY i.n;
END
$$;
COMMENT ON FUNCTION trunkline_enqueue_many IS
  'Writes runs in the caller''s transaction; its commit wakes the scheduler. A row for each item, in order: the run, '
  'whether it was created, existing, folded (into one that has not begun) or refused, and why.';

-- Calls with these arguments find the new one.
-- squawk-ignore ban-drop-function
DROP FUNCTION trunkline_enqueue(uuid, text, jsonb, text, timestamptz);

CREATE FUNCTION trunkline_enqueue(
  tenant_id uuid,
  kind text,
  args jsonb DEFAULT '{}',
  unique_key text DEFAULT NULL,
  run_at timestamptz DEFAULT NULL,
  priority integer DEFAULT 0,
  how text DEFAULT 'unique',
  period interval DEFAULT NULL,
  max_wait interval DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
  enqueued record;
BEGIN
  SELECT * INTO enqueued FROM trunkline_enqueue_many(
    trunkline_enqueue.tenant_id, trunkline_enqueue.kind,
    ARRAY[coalesce(trunkline_enqueue.args, '{}')], ARRAY[trunkline_enqueue.unique_key],
    ARRAY[trunkline_enqueue.run_at], ARRAY[trunkline_enqueue.priority],
    trunkline_enqueue.how, trunkline_enqueue.period, trunkline_enqueue.max_wait
  );
  IF enqueued.run_id IS NULL THEN
    RAISE EXCEPTION 'trunkline_enqueue: %', enqueued.error USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN enqueued.run_id;
END
$$;
COMMENT ON FUNCTION trunkline_enqueue IS
  'Writes a run in the caller''s transaction; its commit wakes the scheduler. Returns the id of the run, '
  'which is the one that has its unique_key already where there is one.';
