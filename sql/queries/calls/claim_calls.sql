-- Takes calls that are due under a lease, of tenants whose lines are held: each its share, and no more
-- than it has lines free. In the same statement a call that must not be made any more is cancelled,
-- one whose journey, enrollment or campaign is paused is put off, and one whose contact was called a
-- moment ago waits out the tenant's minutes between calls. One whose hours are over comes back as
-- `stale`, to be given its next hours in this transaction.
--   :tenant_ids, :batch_size, :lease_token, :outcome_s, :paused_wait_s, :now (null: the database's)
-- The states are literals: the partial indexes need them.
WITH clock AS MATERIALIZED (
  SELECT coalesce(:now::timestamptz, now()) AS now
), line AS MATERIALIZED (
  SELECT t.id AS tenant_id, t.max_calls_at_once - (
    SELECT count(*) FROM call_queue AS d WHERE d.tenant_id = t.id AND d.state = 'DIALING'
  ) AS free
  FROM unnest(:tenant_ids::uuid[]) AS w (id)
  JOIN tenants AS t ON t.id = w.id AND t.status = 'ACTIVE'
), share AS MATERIALIZED (
  SELECT ceil(:batch_size::numeric / greatest(count(*), 1))::bigint AS places FROM line
), picked AS MATERIALIZED (
  SELECT x.*, line.free, count(*) OVER (PARTITION BY x.tenant_id)
    >= greatest(0, least(line.free, (SELECT places FROM share))) AS full_share
  FROM line
  CROSS JOIN LATERAL (
    SELECT q.ctid AS place, q.tenant_id, q.id, q.contact_id, q.campaign_id, q.journey_id,
      q.journey_contact_id, q.due_at, q.callable_until
    FROM call_queue AS q
    WHERE q.tenant_id = line.tenant_id AND q.state = 'QUEUED'
      AND q.due_at <= coalesce(:now::timestamptz, now())
    ORDER BY q.due_at, q.id
    LIMIT greatest(0, least(line.free, (SELECT places FROM share)))
    FOR UPDATE SKIP LOCKED
  ) AS x
), judged AS MATERIALIZED (
  SELECT p.place, p.tenant_id, p.free, p.full_share, c.timezone, gap.until, verdict.*
  FROM (
    SELECT *, row_number() OVER (
      PARTITION BY tenant_id, contact_id ORDER BY due_at, id
    ) AS place_of_contact
    FROM picked
  ) AS p
  -- Lookups by key: OFFSET 0 leaves the planner no other way.
  CROSS JOIN LATERAL (
    SELECT k.do_not_contact, k.timezone, k.last_called_at FROM contacts AS k
    WHERE k.tenant_id = p.tenant_id AND k.id = p.contact_id
    OFFSET 0
  ) AS c
  LEFT JOIN LATERAL (
    SELECT k.status FROM journeys AS k WHERE k.tenant_id = p.tenant_id AND k.id = p.journey_id
    OFFSET 0
  ) AS j ON true
  LEFT JOIN LATERAL (
    SELECT k.status FROM journey_contacts AS k
    WHERE k.tenant_id = p.tenant_id AND k.id = p.journey_contact_id
    OFFSET 0
  ) AS e ON true
  LEFT JOIN LATERAL (
    SELECT k.status FROM campaigns AS k WHERE k.tenant_id = p.tenant_id AND k.id = p.campaign_id
    OFFSET 0
  ) AS g ON true
  CROSS JOIN LATERAL (
    -- Until when the contact is left alone: while it is on the phone, a minute at a time.
    SELECT greatest(
      c.last_called_at + minutes.length,
      CASE WHEN p.place_of_contact > 1 OR EXISTS (
        SELECT FROM call_queue AS d
        WHERE d.tenant_id = p.tenant_id AND d.contact_id = p.contact_id AND d.state = 'DIALING'
      ) THEN (SELECT now FROM clock) + greatest(minutes.length, interval '1 minute') END
    ) AS until
    FROM (
      SELECT make_interval(mins => coalesce(
        (SELECT r.call_gap_minutes FROM execution_rules AS r WHERE r.tenant_id = p.tenant_id), 5
      )) AS length
    ) AS minutes
  ) AS gap
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN c.do_not_contact THEN 'CANCELLED'
      WHEN j.status = 'ARCHIVED' THEN 'CANCELLED'
      WHEN e.status NOT IN ('ACTIVE', 'PAUSED') THEN 'CANCELLED'
      WHEN g.status IN ('STOPPED', 'FINISHED') THEN 'CANCELLED'
      WHEN j.status <> 'ACTIVE' OR e.status = 'PAUSED' OR g.status <> 'RUNNING' THEN 'PAUSED'
      WHEN p.callable_until <= (SELECT now FROM clock) THEN 'STALE'
      WHEN gap.until > (SELECT now FROM clock) THEN 'APART'
      ELSE 'DIALING'
    END AS verdict,
    CASE
      WHEN c.do_not_contact THEN 'the contact is not to be contacted'
      WHEN j.status = 'ARCHIVED' THEN 'the journey is archived'
      WHEN e.status NOT IN ('ACTIVE', 'PAUSED') THEN 'the contact has left the journey'
      WHEN g.status IN ('STOPPED', 'FINISHED') THEN 'the campaign is over'
      WHEN j.status <> 'ACTIVE' OR e.status = 'PAUSED' OR g.status <> 'RUNNING'
        THEN 'waits: the journey, enrollment or campaign is paused'
      WHEN p.callable_until <= (SELECT now FROM clock) THEN 'waits: its hours are over'
      WHEN gap.until > (SELECT now FROM clock) THEN 'waits: the contact was called a moment ago'
    END AS reason
  ) AS verdict
)
UPDATE call_queue AS q
SET state = CASE WHEN v.verdict IN ('DIALING', 'CANCELLED') THEN v.verdict ELSE 'QUEUED' END,
  attempts = q.attempts + (v.verdict = 'DIALING')::int,
  lease_token = CASE WHEN v.verdict = 'DIALING' THEN :lease_token::uuid END,
  lease_until = CASE WHEN v.verdict = 'DIALING'
    THEN (SELECT now FROM clock) + make_interval(secs => :outcome_s) END,
  -- Names the row and the try: whoever hears of the channel finds the call by its key.
  channel_id = CASE WHEN v.verdict = 'DIALING'
    THEN translate(q.tenant_id::text, '-', '') || '-' || translate(q.id::text, '-', '')
      || '-' || (q.attempts + 1)
    ELSE q.channel_id END,
  due_at = CASE v.verdict
    WHEN 'APART' THEN v.until
    WHEN 'PAUSED' THEN (SELECT now FROM clock) + make_interval(secs => :paused_wait_s)
    WHEN 'STALE' THEN (SELECT now FROM clock) + make_interval(secs => :paused_wait_s)
    ELSE q.due_at END,
  finished_at = CASE WHEN v.verdict = 'CANCELLED' THEN (SELECT now FROM clock) END,
  error = v.reason
FROM judged AS v
-- The array keeps the update to these rows' places, whatever the join is taken to bring.
WHERE q.ctid = ANY (ARRAY(SELECT place FROM judged)) AND q.ctid = v.place
RETURNING q.tenant_id, q.id, v.verdict, v.reason, q.contact_id, q.execution_id, q.to_number,
  q.from_number, q.extension, q.variables, q.ring_timeout_s, q.channel_id, q.attempts,
  v.free, v.full_share, v.timezone, (SELECT now FROM clock) AS now;
