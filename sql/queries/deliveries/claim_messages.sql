-- Takes what is to be sent under a lease: due messages, each tenant its share, and those whose
-- sender is gone. In the same statement a message that must not go any more is cancelled, one whose
-- journey or enrollment is paused is put off, one that was tried too often fails; so nothing that
-- can't be sent stays at the head of the index for the next claim to pass over. One whose hours are
-- over comes back as `stale`, to be given its next hours in this transaction.
-- A tenant with a cap on sends gets no more than its bucket holds, and pays for what it gets; while
-- another claim has the bucket, that one serves the tenant.
-- Parameters: batch_size, max_attempts, lease_token uuid, lease_s, paused_wait_s, now (null: the
-- database's clock).
-- The statuses are literals: the partial indexes idx_messages_due and idx_messages_leased need them.
WITH RECURSIVE waiting (tenant_id) AS (
  -- Distinct tenants by hopping over the index: as many probes as there are tenants with messages.
  (SELECT m.tenant_id FROM messages AS m WHERE m.status = 'QUEUED' ORDER BY m.tenant_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT m.tenant_id FROM messages AS m
    WHERE m.status = 'QUEUED' AND m.tenant_id > w.tenant_id
    ORDER BY m.tenant_id LIMIT 1
  )
  FROM waiting AS w WHERE w.tenant_id IS NOT NULL
),
clock AS MATERIALIZED (
  SELECT coalesce(:now::timestamptz, now()) AS now
),
buckets AS MATERIALIZED (
  SELECT b.tenant_id, least(
    coalesce(t.send_burst, greatest(t.sends_per_second, 1)),
    b.tokens + t.sends_per_second * greatest(extract(epoch FROM clock.now - b.refilled_at), 0)
  ) AS tokens
  FROM clock
  CROSS JOIN send_buckets AS b
  JOIN tenants AS t ON t.id = b.tenant_id AND t.status = 'ACTIVE' AND t.sends_per_second IS NOT NULL
  WHERE b.tenant_id IN (SELECT w.tenant_id FROM waiting AS w)
  FOR UPDATE OF b SKIP LOCKED
),
turns AS MATERIALIZED (
  -- Who has waited longest comes first, where there are more tenants than places. What a tenant may
  -- send is a whole number of tokens: a hair less than one is one that a float lost.
  SELECT w.tenant_id, oldest.stale, floor(b.tokens + 1e-6) AS tokens
  FROM waiting AS w
  JOIN tenants AS t ON t.id = w.tenant_id AND t.status = 'ACTIVE'
  LEFT JOIN buckets AS b ON b.tenant_id = w.tenant_id
  CROSS JOIN LATERAL (
    SELECT m.due_at, coalesce(m.sendable_until <= (SELECT now FROM clock), false) AS stale
    FROM messages AS m
    WHERE m.tenant_id = w.tenant_id AND m.status = 'QUEUED'
      AND m.due_at <= coalesce(:now::timestamptz, now())
    ORDER BY m.due_at LIMIT 1
  ) AS oldest
  WHERE t.sends_per_second IS NULL OR b.tokens + 1e-6 >= 1
    OR (b.tenant_id IS NOT NULL AND oldest.stale)
  ORDER BY oldest.due_at
  LIMIT :batch_size
),
share AS MATERIALIZED (
  SELECT ceil(:batch_size::numeric / greatest(count(*), 1))::bigint AS places FROM turns
),
queued AS MATERIALIZED (
  -- Where the first is stale, the stale ones among the first are taken and cost nothing.
  SELECT x.*, turns.stale
    OR count(*) OVER (PARTITION BY x.tenant_id) >= (SELECT places FROM share)
    AND coalesce(turns.tokens - count(*) OVER (PARTITION BY x.tenant_id) >= 1, true) AS more_due
  FROM turns
  CROSS JOIN LATERAL (
    SELECT m.ctid AS place, m.tenant_id, m.contact_id, m.journey_id, m.journey_contact_id,
      m.attempts, m.sendable_until
    FROM messages AS m
    WHERE m.tenant_id = turns.tenant_id AND m.status = 'QUEUED'
      AND m.due_at <= coalesce(:now::timestamptz, now())
    ORDER BY m.due_at
    LIMIT CASE
      WHEN turns.stale THEN (SELECT places FROM share)
      ELSE least((SELECT places FROM share), turns.tokens::bigint)
    END
    FOR UPDATE SKIP LOCKED
  ) AS x
  WHERE NOT turns.stale OR x.sendable_until <= (SELECT now FROM clock)
),
expired AS MATERIALIZED (
  SELECT m.ctid AS place, m.tenant_id, m.contact_id, m.journey_id, m.journey_contact_id, m.attempts,
    m.sendable_until, false AS more_due
  FROM messages AS m
  JOIN tenants AS t ON t.id = m.tenant_id AND t.status = 'ACTIVE'
  WHERE m.status = 'SENDING' AND m.lease_until < coalesce(:now::timestamptz, now())
  ORDER BY m.lease_until
  LIMIT :batch_size
  FOR UPDATE OF m SKIP LOCKED
),
judged AS MATERIALIZED (
  SELECT p.place, p.tenant_id, p.more_due, c.timezone, verdict.*
  FROM (SELECT * FROM queued UNION ALL SELECT * FROM expired) AS p
  -- Lookups by key: OFFSET 0 leaves the planner no other way. It can't know how few messages these
  -- are (LIMIT by a subquery counts as a tenth of all) and would read the tables whole instead.
  CROSS JOIN LATERAL (
    SELECT k.do_not_contact, k.timezone FROM contacts AS k
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
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN c.do_not_contact THEN 'CANCELLED'
      WHEN j.status = 'ARCHIVED' THEN 'CANCELLED'
      WHEN e.status = 'REMOVED' THEN 'CANCELLED'
      WHEN j.status <> 'ACTIVE' OR e.status = 'PAUSED' THEN 'QUEUED'
      WHEN p.attempts >= :max_attempts THEN 'FAILED'
      WHEN p.sendable_until <= (SELECT now FROM clock) THEN 'STALE'
      ELSE 'SENDING'
    END AS status,
    CASE
      WHEN c.do_not_contact THEN 'the contact is not to be contacted'
      WHEN j.status = 'ARCHIVED' THEN 'the journey is archived'
      WHEN e.status = 'REMOVED' THEN 'the contact was removed from the journey'
      WHEN j.status <> 'ACTIVE' OR e.status = 'PAUSED' THEN 'waits: the journey or enrollment is paused'
      WHEN p.attempts >= :max_attempts THEN 'its sender was lost ' || p.attempts || ' times'
      WHEN p.sendable_until <= (SELECT now FROM clock) THEN 'waits: its hours are over'
    END AS reason
  ) AS verdict
),
paid AS (
  -- A send taken over from a lost sender is paid for too, if need be on credit.
  UPDATE send_buckets AS b
  SET tokens = k.tokens - sending.number, refilled_at = (SELECT now FROM clock)
  FROM buckets AS k
  JOIN (
    SELECT v.tenant_id, count(*) AS number FROM judged AS v
    WHERE v.status = 'SENDING' GROUP BY v.tenant_id
  ) AS sending ON sending.tenant_id = k.tenant_id
  WHERE b.tenant_id = k.tenant_id
)
UPDATE messages AS m
SET status = CASE v.status WHEN 'STALE' THEN 'QUEUED' ELSE v.status END,
  attempts = m.attempts + (v.status = 'SENDING')::int,
  lease_token = CASE WHEN v.status = 'SENDING' THEN :lease_token::uuid END,
  lease_until = CASE WHEN v.status = 'SENDING'
    THEN coalesce(:now::timestamptz, clock_timestamp()) + make_interval(secs => :lease_s) END,
  due_at = CASE WHEN v.status IN ('QUEUED', 'STALE')
    THEN (SELECT now FROM clock) + make_interval(secs => :paused_wait_s) ELSE m.due_at END,
  error = v.reason
FROM judged AS v
-- The array keeps the update to these rows' places, whatever the join is taken to bring.
WHERE m.ctid = ANY (ARRAY(SELECT place FROM judged)) AND m.ctid = v.place
RETURNING m.tenant_id, m.id, m.status, m.to_number, m.from_number, m.body, m.attempts, v.more_due,
  v.status = 'STALE' AS stale, v.timezone, (SELECT now FROM clock) AS now;
