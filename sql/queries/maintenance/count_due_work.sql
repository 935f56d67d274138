-- How much waits for a worker, in each ledger, up to what can be of use: never a full count, so its
-- cost doesn't grow with what is pending.
-- Parameters: steps, messages, webhooks, calls, runs (of each kind), firings: count no further than
-- this; webhooks_per_tenant; known_kinds text[], tenant_limits and total_limits int[], an element for
-- each of them; schedules text[]; firing_backoff_s. Returns (ledger, kind of run or null, due).
WITH RECURSIVE seen_steps AS (
  -- A tenant's first steps, tenants in any order, so that the bound on all of them together (paused
  -- ones included) keeps none out for long. The last of a tenant's full look counts even if its
  -- journey is paused: behind it others may be due.
  SELECT step.*
  FROM (SELECT id FROM tenants WHERE status = 'ACTIVE' ORDER BY random()) AS t
  CROSS JOIN LATERAL (
    SELECT p.tenant_id, p.journey_id, row_number() OVER () = :steps AS last
    FROM (
      SELECT e.tenant_id, e.journey_id FROM pending_executions AS e
      WHERE e.tenant_id = t.id AND e.state = 'DUE' AND e.scheduled_at <= now()
      ORDER BY e.scheduled_at
      LIMIT :steps
    ) AS p
  ) AS step
  LIMIT 4 * :steps
),
due_steps AS (
  SELECT FROM seen_steps AS s
  LEFT JOIN journeys AS j ON j.tenant_id = s.tenant_id AND j.id = s.journey_id
  WHERE j.status = 'ACTIVE' OR s.last
  LIMIT :steps
),
changes AS (
  SELECT FROM changed_contacts LIMIT :steps
),
due_messages AS (
  -- Of a tenant with a cap on sends, as many as it may send now.
  SELECT FROM tenants AS t
  LEFT JOIN send_buckets AS b ON b.tenant_id = t.id AND t.sends_per_second IS NOT NULL
  CROSS JOIN LATERAL (
    SELECT FROM messages AS m
    WHERE m.tenant_id = t.id AND m.status = 'QUEUED' AND m.due_at <= now()
    LIMIT CASE WHEN b.tenant_id IS NULL THEN :messages ELSE greatest(0, floor(1e-6 + least(
      :messages,
      coalesce(t.send_burst, greatest(t.sends_per_second, 1)),
      b.tokens + t.sends_per_second * greatest(extract(epoch FROM now() - b.refilled_at), 0)
    )))::bigint END
  ) AS message
  WHERE t.status = 'ACTIVE'
  LIMIT :messages
),
lost_messages AS (
  SELECT FROM messages AS m
  JOIN tenants AS t ON t.id = m.tenant_id AND t.status = 'ACTIVE'
  WHERE m.status = 'SENDING' AND m.lease_until < now()
  LIMIT :messages
),
due_webhooks AS (
  -- As many of a tenant as may begin beside those that are under way.
  SELECT FROM tenants AS t
  CROSS JOIN LATERAL (
    SELECT FROM webhook_calls AS c
    WHERE c.tenant_id = t.id AND c.due_at <= now()
    LIMIT greatest(0, :webhooks_per_tenant - (
      SELECT count(*) FROM webhook_calls AS u
      WHERE u.tenant_id = t.id AND u.lease_token IS NOT NULL AND u.due_at > now()
    ))
  ) AS call
  WHERE t.status = 'ACTIVE'
  LIMIT :webhooks
),
calling (tenant_id) AS (
  -- Tenants with queued calls, by hopping over the index.
  (SELECT q.tenant_id FROM call_queue AS q WHERE q.state = 'QUEUED' ORDER BY q.tenant_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT q.tenant_id FROM call_queue AS q
    WHERE q.state = 'QUEUED' AND q.tenant_id > c.tenant_id
    ORDER BY q.tenant_id LIMIT 1
  )
  FROM calling AS c WHERE c.tenant_id IS NOT NULL
),
due_calls AS (
  -- As many as there are lines free.
  SELECT FROM calling AS c
  JOIN tenants AS t ON t.id = c.tenant_id AND t.status = 'ACTIVE'
  CROSS JOIN LATERAL (
    SELECT FROM call_queue AS q
    WHERE q.tenant_id = t.id AND q.state = 'QUEUED' AND q.due_at <= now()
    ORDER BY q.due_at
    LIMIT greatest(0, least(:calls, t.max_calls_at_once - (
      SELECT count(*) FROM call_queue AS d WHERE d.tenant_id = t.id AND d.state = 'DIALING'
    )))
  ) AS call
  LIMIT :calls
),
silent_calls AS (
  SELECT FROM call_queue AS q WHERE q.state = 'DIALING' AND q.lease_until <= now() LIMIT :calls
),
-- From each tenant's line of runs of one kind to the next, as sql/queries/runs/claim_run.sql does.
known AS MATERIALIZED (
  SELECT k.*
  FROM unnest(:known_kinds::text[], :tenant_limits::int[], :total_limits::int[])
    AS k (kind, of_tenant, of_all)
),
under_way AS MATERIALIZED (
  SELECT r.tenant_id, r.kind, count(*) AS runs
  FROM job_runs AS r
  WHERE r.state = 'running' AND r.lease_until >= now()
  GROUP BY r.tenant_id, r.kind
),
waiting_kinds AS (
  (
    SELECT r.kind FROM job_runs AS r
    WHERE r.state = 'queued' AND r.ready
    ORDER BY r.kind
    LIMIT 1
  )
  UNION ALL
  SELECT next.kind
  FROM waiting_kinds AS w
  CROSS JOIN LATERAL (
    SELECT r.kind FROM job_runs AS r
    WHERE r.state = 'queued' AND r.ready AND r.kind > w.kind
    ORDER BY r.kind
    LIMIT 1
  ) AS next
),
run_lines AS (
  SELECT w.kind, k.of_tenant, '00000000-0000-0000-0000-000000000000'::uuid AS tenant_id, 0::bigint AS room,
         0::bigint AS found
  FROM waiting_kinds AS w
  LEFT JOIN known AS k ON k.kind = w.kind
  UNION ALL
  SELECT l.kind, l.of_tenant, next.tenant_id, next.room, l.found + (next.room > 0)::int
  FROM run_lines AS l
  CROSS JOIN LATERAL (
    SELECT n.tenant_id,
           CASE WHEN t.status <> 'ACTIVE' THEN 0
                WHEN l.of_tenant IS NULL THEN :runs
                ELSE least(:runs, greatest(0, l.of_tenant - coalesce(
                  (SELECT u.runs FROM under_way AS u WHERE u.tenant_id = n.tenant_id AND u.kind = l.kind), 0
                ))) END AS room
    FROM (
      SELECT r.tenant_id FROM job_runs AS r
      WHERE r.state = 'queued' AND r.ready AND r.kind = l.kind AND r.tenant_id > l.tenant_id
      ORDER BY r.tenant_id
      LIMIT 1
    ) AS n
    JOIN tenants AS t ON t.id = n.tenant_id
  ) AS next
  WHERE l.found < :runs
),
due_runs AS (
  SELECT k.kind, CASE WHEN k.of_all IS NULL THEN d.due ELSE least(d.due, greatest(0, k.of_all - coalesce(
    (SELECT sum(u.runs) FROM under_way AS u WHERE u.kind = d.kind), 0
  ))) END AS due
  FROM (
    SELECT due.kind, count(*) AS due
    FROM (
      SELECT l.kind
      FROM run_lines AS l
      CROSS JOIN LATERAL (
        SELECT FROM job_runs AS r
        WHERE r.tenant_id = l.tenant_id AND r.kind = l.kind
          AND r.state = 'queued' AND r.ready AND r.run_at <= now()
        ORDER BY r.priority DESC, r.run_at -- in the index's order, or the planner may read the table
        LIMIT l.room
      ) AS run
      WHERE l.room > 0
      UNION ALL
      (
        -- Whose time has come since, suspended tenants' as well: whoever looks makes them ready.
        SELECT r.kind FROM job_runs AS r
        WHERE r.state = 'queued' AND NOT r.ready AND r.run_at <= now()
        ORDER BY r.run_at
        LIMIT :runs
      )
      UNION ALL
      (SELECT r.kind FROM job_runs AS r WHERE r.state = 'running' AND r.lease_until < now() LIMIT :runs)
    ) AS due
    GROUP BY due.kind
  ) AS d
  LEFT JOIN known AS k ON k.kind = d.kind
),
due_firings AS (
  SELECT FROM schedule_firings AS f
  WHERE f.finished_at IS NULL
    AND f.schedule = ANY (:schedules::text[])
    AND f.created_at + make_interval(secs => :firing_backoff_s * (2 ^ f.attempts - 1)) <= now()
  LIMIT :firings
)
SELECT 'steps' AS ledger, NULL AS kind, count(*) AS due FROM due_steps
UNION ALL
SELECT 'changes', NULL, count(*) FROM changes
UNION ALL
SELECT 'messages', NULL, (SELECT count(*) FROM due_messages) + (SELECT count(*) FROM lost_messages)
UNION ALL
SELECT 'webhooks', NULL, count(*) FROM due_webhooks
UNION ALL
SELECT 'calls', NULL, (SELECT count(*) FROM due_calls) + (SELECT count(*) FROM silent_calls)
UNION ALL
SELECT 'runs', kind, least(sum(due), :runs)::bigint FROM due_runs GROUP BY kind
UNION ALL
SELECT 'firings', NULL, count(*) FROM due_firings
UNION ALL
SELECT 'numbers', NULL, count(*) FROM (
  SELECT FROM number_changes WHERE handled_at IS NULL LIMIT 1
) AS changed;
