-- Writes what became of webhook calls: one that has its answer is deleted and its step, which waited
-- for it, is due with the answer; one to be tried again is let go of until then. Fenced: a call whose
-- lease was lost in the meantime stays as it is, and the answer counts for nothing.
-- Parameters: lease_token uuid, now (null: the database's clock) and one array a column: tenant_ids,
-- ids, answers (jsonb; null: to be tried again), waits_s (until then), errors.
-- Returns (calls answered, calls to be tried again, steps that got their answer).
WITH result AS MATERIALIZED (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :ids::uuid[], :answers::jsonb[], :waits_s::float8[], :errors::text[]
  ) AS r (tenant_id, id, answer, wait_s, error)
),
answered AS (
  DELETE FROM webhook_calls AS c USING result AS r
  WHERE r.answer IS NOT NULL
    AND c.tenant_id = r.tenant_id AND c.id = r.id AND c.lease_token = :lease_token
  RETURNING c.tenant_id, c.journey_contact_id, c.execution_id, r.answer
),
again AS (
  UPDATE webhook_calls AS c
  SET lease_token = NULL, error = r.error,
    due_at = coalesce(:now::timestamptz, now()) + make_interval(secs => r.wait_s)
  FROM result AS r
  WHERE r.answer IS NULL
    AND c.tenant_id = r.tenant_id AND c.id = r.id AND c.lease_token = :lease_token
  RETURNING 1
),
step AS MATERIALIZED (
  -- In order of enrollment, as whoever locks many steps does.
  SELECT p.tenant_id, p.journey_contact_id, p.id, a.answer
  FROM answered AS a
  JOIN pending_executions AS p
    ON p.tenant_id = a.tenant_id AND p.journey_contact_id = a.journey_contact_id
    AND p.id = a.execution_id
  WHERE p.wait_key = 'webhook answer' AND p.signal IS NULL
  ORDER BY p.journey_contact_id
  FOR UPDATE OF p
),
told AS (
  UPDATE pending_executions AS p
  SET signal = step.answer, scheduled_at = coalesce(:now::timestamptz, statement_timestamp())
  FROM step
  WHERE p.tenant_id = step.tenant_id AND p.journey_contact_id = step.journey_contact_id
    AND p.id = step.id
  RETURNING 1
)
SELECT
  (SELECT count(*) FROM answered), (SELECT count(*) FROM again), (SELECT count(*) FROM told);
