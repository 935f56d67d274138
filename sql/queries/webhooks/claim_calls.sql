-- Takes webhook calls that are due under a lease: of each tenant its share, and together with what
-- is being called for it no more than :per_tenant, so that one whose server hangs leaves room for
-- the others. (Claims at the same moment don't see each other's.)
-- A call whose step waits for it no more is deleted in the same statement: its contact was removed,
-- the step skipped or over, the journey archived; an archived journey's step is told, as it may be
-- resumed. One whose journey or enrollment is paused is put off.
-- Parameters: batch_size, per_tenant, lease_token uuid, lease_s, paused_wait_s, now (null: the
-- database's clock). Returns the calls to be made.
WITH RECURSIVE waiting (tenant_id) AS (
  -- Distinct tenants by hopping over the index.
  (SELECT c.tenant_id FROM webhook_calls AS c ORDER BY c.tenant_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT c.tenant_id FROM webhook_calls AS c
    WHERE c.tenant_id > w.tenant_id
    ORDER BY c.tenant_id LIMIT 1
  )
  FROM waiting AS w WHERE w.tenant_id IS NOT NULL
),
turns AS MATERIALIZED (
  -- Who has waited longest comes first, where there are more tenants than places.
  SELECT t.id AS tenant_id, :per_tenant - held.calls AS room,
    t.webhook_secret, t.webhook_allow_private
  FROM waiting AS w
  JOIN tenants AS t ON t.id = w.tenant_id AND t.status = 'ACTIVE'
  CROSS JOIN LATERAL (
    SELECT c.due_at FROM webhook_calls AS c
    WHERE c.tenant_id = w.tenant_id AND c.due_at <= coalesce(:now::timestamptz, now())
    ORDER BY c.due_at LIMIT 1
  ) AS oldest
  CROSS JOIN LATERAL (
    SELECT count(*) AS calls FROM webhook_calls AS c
    WHERE c.tenant_id = w.tenant_id AND c.lease_token IS NOT NULL
      AND c.due_at > coalesce(:now::timestamptz, now())
  ) AS held
  WHERE held.calls < :per_tenant
  ORDER BY oldest.due_at
  LIMIT :batch_size
),
share AS MATERIALIZED (
  -- At least 1, as there are no more turns than places.
  SELECT :batch_size::bigint / greatest(count(*), 1) AS places FROM turns
),
due AS MATERIALIZED (
  SELECT x.*, turns.webhook_secret, turns.webhook_allow_private,
    count(*) OVER (PARTITION BY x.tenant_id) >= least((SELECT places FROM share), turns.room)
      AS more_due
  FROM turns
  CROSS JOIN LATERAL (
    SELECT c.ctid AS place, c.tenant_id, c.journey_id, c.journey_contact_id, c.execution_id
    FROM webhook_calls AS c
    WHERE c.tenant_id = turns.tenant_id AND c.due_at <= coalesce(:now::timestamptz, now())
    ORDER BY c.due_at
    LIMIT least((SELECT places FROM share), turns.room)
    FOR UPDATE SKIP LOCKED
  ) AS x
),
judged AS MATERIALIZED (
  -- Lookups by key: OFFSET 0 leaves the planner no other way, as it can't know how few these are.
  SELECT d.*,
    s.waits IS NULL OR j.status = 'ARCHIVED' OR e.status NOT IN ('ACTIVE', 'PAUSED')
      AS withdrawn,
    s.waits AND j.status = 'ARCHIVED' AS archived,
    j.status <> 'ACTIVE' OR e.status = 'PAUSED' AS paused
  FROM due AS d
  CROSS JOIN LATERAL (
    SELECT k.status FROM journeys AS k WHERE k.tenant_id = d.tenant_id AND k.id = d.journey_id
    OFFSET 0
  ) AS j
  CROSS JOIN LATERAL (
    SELECT k.status FROM journey_contacts AS k
    WHERE k.tenant_id = d.tenant_id AND k.id = d.journey_contact_id
    OFFSET 0
  ) AS e
  LEFT JOIN LATERAL (
    SELECT true AS waits FROM pending_executions AS k
    WHERE k.tenant_id = d.tenant_id AND k.journey_contact_id = d.journey_contact_id
      AND k.id = d.execution_id AND k.wait_key = 'webhook answer' AND k.signal IS NULL
    OFFSET 0
  ) AS s ON true
),
dropped AS (
  DELETE FROM webhook_calls AS c
  WHERE c.ctid = ANY (ARRAY(SELECT place FROM judged WHERE withdrawn))
),
archived_step AS MATERIALIZED (
  -- In order of enrollment, as whoever locks many steps does.
  SELECT p.tenant_id, p.journey_contact_id, p.id
  FROM judged AS v
  JOIN pending_executions AS p
    ON p.tenant_id = v.tenant_id AND p.journey_contact_id = v.journey_contact_id
    AND p.id = v.execution_id
  WHERE v.archived AND p.wait_key = 'webhook answer' AND p.signal IS NULL
  ORDER BY p.journey_contact_id
  FOR UPDATE OF p
),
told AS (
  UPDATE pending_executions AS p
  SET signal = '{"outcome": "failed", "error": "the journey is archived"}',
    scheduled_at = coalesce(:now::timestamptz, clock_timestamp())
  FROM archived_step AS s
  WHERE p.tenant_id = s.tenant_id AND p.journey_contact_id = s.journey_contact_id AND p.id = s.id
)
UPDATE webhook_calls AS c
SET attempts = c.attempts + (NOT v.paused)::int,
  lease_token = CASE WHEN NOT v.paused THEN :lease_token::uuid END,
  due_at = coalesce(:now::timestamptz, clock_timestamp())
    + make_interval(secs => CASE WHEN v.paused THEN :paused_wait_s ELSE :lease_s END),
  error = CASE WHEN v.paused THEN 'waits: the journey or enrollment is paused' END
FROM judged AS v
-- The array keeps the update to these rows' places, whatever the join is taken to bring.
WHERE c.ctid = ANY (ARRAY(SELECT place FROM judged WHERE NOT withdrawn)) AND c.ctid = v.place
RETURNING c.tenant_id, c.id, c.url, c.body, c.attempts, v.webhook_secret, v.webhook_allow_private,
  v.paused, v.more_due;
