-- Claims due steps for one batch: locks them and returns them, each tenant getting its share, and of
-- the places that others have no use for (their steps are locked, or their journeys paused) its share
-- as well. The locks are the lease: they fall with the transaction.
--   :batch_size  steps at most
--   :now         the clock, or null for the database's
--   :mark_tenants, :mark_ats, :mark_ids  places before which a tenant's steps have been consumed:
--                the scan begins there, past index entries that an old snapshot keeps from dying
-- FOR SHARE on tenant and journey: whoever suspends or pauses waits for this batch, and a batch
-- that comes later sees it. SKIP LOCKED there too: while a pause is under way its steps wait.
WITH clock AS MATERIALIZED (
  SELECT coalesce(:now::timestamptz, statement_timestamp()) AS now
), due_tenants AS MATERIALIZED (
  SELECT t.id, t.weight, first.scheduled_at AS first_at, first.id AS first_id
  FROM tenants AS t
  LEFT JOIN unnest(:mark_tenants::uuid[], :mark_ats::timestamptz[], :mark_ids::bigint[])
    AS mark (tenant_id, at, id) ON mark.tenant_id = t.id
  -- The first in time order, which is one look into the index; EXISTS has been seen to walk the
  -- tenant's steps by key instead. Dead entries before it are walked over here and not again below.
  CROSS JOIN LATERAL (
    SELECT p.scheduled_at, p.id
    FROM pending_executions AS p
    WHERE p.tenant_id = t.id AND p.state = 'DUE'
      AND (p.scheduled_at, p.id) >= (coalesce(mark.at, '-infinity'), coalesce(mark.id, 0))
    ORDER BY p.scheduled_at, p.id
    LIMIT 1
  ) AS first
  WHERE t.status = 'ACTIVE'
    -- Whoever changes a status waits for this row; sharing it on and on would keep them waiting.
    AND NOT EXISTS (
      SELECT FROM claim_gates AS g WHERE g.tenant_id = t.id AND g.expires_at > clock_timestamp()
    )
    AND first.scheduled_at <= coalesce(:now::timestamptz, statement_timestamp())
  ORDER BY random() -- where there are more tenants than places, none is always the last
  FOR SHARE OF t SKIP LOCKED
), shares AS MATERIALIZED (
  SELECT
    t.*, ceil(:batch_size::numeric * t.weight / sum(t.weight) OVER ())::integer AS share,
    -- By a list, and locked at the end. Joined to journeys the steps would be taken for one in a
    -- hundred, and all of a tenant's be read and sorted to find its first.
    ARRAY(
      SELECT j.id FROM journeys AS j WHERE j.tenant_id = t.id AND j.status = 'ACTIVE'
    ) AS journeys
  FROM due_tenants AS t
), first_pass AS MATERIALIZED (
  SELECT step.*
  FROM shares
  CROSS JOIN LATERAL (
    SELECT
      p.ctid::text AS ctid, p.tenant_id, p.id, p.journey_id, p.journey_contact_id, p.node_id,
      p.scheduled_at, p.attempts, p.entered_at, p.steps, p.signal, p.wait_key,
      jc.contact_id, jc.version, jc.entered_at AS enrolled_at,
      nullif(jc.data, '{}') AS data -- a value less to read, mostly
    FROM pending_executions AS p
    -- A lookup by key for each step: OFFSET 0 and the status tested outside leave the planner no
    -- other way. Before the first ANALYZE it else walks all of the tenant's enrollments each time.
    JOIN LATERAL (
      SELECT c.contact_id, c.version, c.entered_at, c.data, c.status
      FROM journey_contacts AS c
      WHERE c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id
      OFFSET 0
    ) AS jc ON jc.status = 'ACTIVE'
    WHERE p.tenant_id = shares.id
      AND p.state = 'DUE'
      AND p.journey_id = ANY (shares.journeys)
      AND p.scheduled_at <= coalesce(:now::timestamptz, statement_timestamp())
      AND (p.scheduled_at, p.id) >= (shares.first_at, shares.first_id)
    ORDER BY p.scheduled_at, p.id
    LIMIT shares.share
    FOR UPDATE OF p SKIP LOCKED
  ) AS step
  LIMIT :batch_size
), taken AS MATERIALIZED (
  SELECT DISTINCT ON (tenant_id)
    tenant_id, count(*) OVER (PARTITION BY tenant_id) AS steps, scheduled_at AS last_at, id AS last_id
  FROM first_pass
  ORDER BY tenant_id, scheduled_at DESC, id DESC
), hungry AS MATERIALIZED (
  -- Those who took all of their share: where everybody did no place is left, and nobody is in it.
  SELECT
    s.id, s.journeys, t.last_at, t.last_id,
    ceil(free.places * s.weight / sum(s.weight) OVER ())::integer AS places
  FROM (SELECT :batch_size::numeric - count(*) AS places FROM first_pass) AS free
  JOIN shares AS s ON free.places > 0
  JOIN taken AS t ON t.tenant_id = s.id AND t.steps >= s.share
), step AS MATERIALIZED (
  SELECT * FROM first_pass
  UNION ALL
  SELECT more.*
  FROM hungry
  CROSS JOIN LATERAL (
    SELECT
      p.ctid::text AS ctid, p.tenant_id, p.id, p.journey_id, p.journey_contact_id, p.node_id,
      p.scheduled_at, p.attempts, p.entered_at, p.steps, p.signal, p.wait_key,
      jc.contact_id, jc.version, jc.entered_at AS enrolled_at,
      nullif(jc.data, '{}') AS data
    FROM pending_executions AS p
    JOIN LATERAL (
      SELECT c.contact_id, c.version, c.entered_at, c.data, c.status
      FROM journey_contacts AS c
      WHERE c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id
      OFFSET 0
    ) AS jc ON jc.status = 'ACTIVE'
    WHERE p.tenant_id = hungry.id
      AND p.state = 'DUE'
      AND p.journey_id = ANY (hungry.journeys)
      AND p.scheduled_at <= coalesce(:now::timestamptz, statement_timestamp())
      AND (p.scheduled_at, p.id) > (hungry.last_at, hungry.last_id)
    ORDER BY p.scheduled_at, p.id
    LIMIT hungry.places
    FOR UPDATE OF p SKIP LOCKED
  ) AS more
  LIMIT :batch_size
), live AS MATERIALIZED (
  -- A journey whose status is being changed is passed over, and with it its steps.
  SELECT k.tenant_id, k.id
  FROM (SELECT DISTINCT tenant_id, journey_id FROM step) AS of
  JOIN journeys AS k ON k.tenant_id = of.tenant_id AND k.id = of.journey_id
  WHERE k.status = 'ACTIVE'
  FOR SHARE OF k SKIP LOCKED
)
SELECT
  step.ctid, step.tenant_id, step.id, step.journey_id, step.journey_contact_id, step.node_id,
  step.scheduled_at, step.attempts, step.entered_at,
  step.contact_id, step.version, step.enrolled_at, step.data,
  (SELECT now FROM clock) AS now, step.steps, step.signal,
  shares.share + coalesce(hungry.places, 0) AS share, step.wait_key
FROM step
JOIN live ON live.tenant_id = step.tenant_id AND live.id = step.journey_id
JOIN shares ON shares.id = step.tenant_id
LEFT JOIN hungry ON hungry.id = step.tenant_id;
