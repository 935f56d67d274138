-- One run that waits for its turn. Tenants take turns: from the one after the tenant that was served
-- last, those are looked at that have a run to be taken up, and of them the first goes that has the
-- fewest under way. Of a tenant's runs the highest priority goes first, then the oldest. A line is a
-- tenant's runs of one kind; one that is at its limit, or whose tenant is suspended, is passed over.
-- Kinds that other queues serve are left alone; kinds that nobody knows are not.
--   :run_id       only this one, or null
--   :after        the tenant that was served last
--   :tenants      so many of each kind are looked at
--   :other_kinds  text[]
--   :kinds, :tenant_limits, :total_limits, :attempts  arrays, one element for each kind; null: none
--   :lease_s      seconds
-- The index is leapt through from line to line, so what a claim costs doesn't grow with what waits,
-- nor with how many tenants wait.
WITH RECURSIVE known AS MATERIALIZED (
  SELECT k.*
  FROM unnest(:kinds::text[], :tenant_limits::int[], :total_limits::int[], :attempts::int[])
    AS k (kind, of_tenant, of_all, attempts)
), under_way AS MATERIALIZED (
  SELECT r.tenant_id, r.kind, count(*) AS runs
  FROM job_runs AS r
  WHERE r.state = 'running'
  GROUP BY r.tenant_id, r.kind
), waiting_kinds AS (
  (
    SELECT r.kind
    FROM job_runs AS r
    WHERE r.state = 'queued' AND r.ready AND :run_id::uuid IS NULL
    ORDER BY r.kind
    LIMIT 1
  )
  UNION ALL
  SELECT next.kind
  FROM waiting_kinds AS w
  CROSS JOIN LATERAL (
    SELECT r.kind
    FROM job_runs AS r
    WHERE r.state = 'queued' AND r.ready AND r.kind > w.kind
    ORDER BY r.kind
    LIMIT 1
  ) AS next
), lines AS (
  -- Before the first tenant of each kind; then on to the last, and around.
  SELECT w.kind, k.of_tenant, :after::uuid AS tenant_id, false AS around, false AS free, 0 AS found
  FROM waiting_kinds AS w
  LEFT JOIN known AS k ON k.kind = w.kind
  WHERE NOT w.kind = ANY (:other_kinds::text[])
    AND (k.of_all IS NULL
         OR k.of_all > (SELECT coalesce(sum(u.runs), 0) FROM under_way AS u WHERE u.kind = w.kind))
  UNION ALL
  SELECT l.kind, l.of_tenant, next.tenant_id, next.around, next.free, l.found + next.free::int
  FROM lines AS l
  CROSS JOIN LATERAL (
    SELECT n.tenant_id, n.around,
           t.status = 'ACTIVE' AND (l.of_tenant IS NULL OR l.of_tenant > coalesce(
             (SELECT u.runs FROM under_way AS u WHERE u.tenant_id = n.tenant_id AND u.kind = l.kind), 0
           )) AS free
    FROM (
      (
        SELECT r.tenant_id, l.around
        FROM job_runs AS r
        WHERE r.state = 'queued' AND r.ready AND r.kind = l.kind AND r.tenant_id > l.tenant_id
          AND r.tenant_id <= CASE WHEN l.around THEN :after::uuid
                                  ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END
        ORDER BY r.tenant_id
        LIMIT 1
      )
      UNION ALL
      (
        SELECT r.tenant_id, true
        FROM job_runs AS r
        WHERE r.state = 'queued' AND r.ready AND r.kind = l.kind AND r.tenant_id <= :after::uuid
          AND NOT l.around
        ORDER BY r.tenant_id
        LIMIT 1
      )
      ORDER BY around
      LIMIT 1
    ) AS n
    JOIN tenants AS t ON t.id = n.tenant_id
  ) AS next
  WHERE l.found < :tenants
), heads AS (
  SELECT l.tenant_id, l.kind, l.around, head.priority, head.run_at, head.id
  FROM lines AS l
  CROSS JOIN LATERAL (
    SELECT r.priority, r.run_at, r.id
    FROM job_runs AS r
    WHERE r.tenant_id = l.tenant_id AND r.kind = l.kind
      AND r.state = 'queued' AND r.ready AND r.run_at <= now()
    ORDER BY r.priority DESC, r.run_at, r.id
    LIMIT 1
  ) AS head
  WHERE l.free
  UNION ALL
  SELECT r.tenant_id, r.kind, false, r.priority, r.run_at, r.id
  FROM job_runs AS r
  JOIN tenants AS t ON t.id = r.tenant_id AND t.status = 'ACTIVE'
  LEFT JOIN known AS k ON k.kind = r.kind
  LEFT JOIN under_way AS u ON u.tenant_id = r.tenant_id AND u.kind = r.kind
  WHERE r.id = :run_id::uuid AND r.state = 'queued' AND NOT r.kind = ANY (:other_kinds::text[])
    AND (k.of_tenant IS NULL OR k.of_tenant > coalesce(u.runs, 0))
    AND (k.of_all IS NULL
         OR k.of_all > (SELECT coalesce(sum(u.runs), 0) FROM under_way AS u WHERE u.kind = r.kind))
), turns AS MATERIALIZED (
  SELECT h.tenant_id, h.kind,
         row_number() OVER (ORDER BY h.place + coalesce(u.runs, 0), h.around, h.tenant_id) AS turn
  FROM (
    SELECT h.*,
           row_number() OVER (PARTITION BY h.tenant_id ORDER BY h.priority DESC, h.run_at, h.id) AS place
    FROM heads AS h
  ) AS h
  LEFT JOIN (
    SELECT u.tenant_id, sum(u.runs) AS runs
    FROM under_way AS u
    WHERE NOT u.kind = ANY (:other_kinds::text[])
    GROUP BY u.tenant_id
  ) AS u ON u.tenant_id = h.tenant_id
), free AS MATERIALIZED (
  -- Line by line, until two are found that nobody holds: the one, and whether there is another.
  SELECT t.turn, run.*
  FROM (SELECT * FROM turns ORDER BY turn) AS t
  CROSS JOIN LATERAL (
    SELECT r.tenant_id, r.id, r.priority, r.run_at
    FROM job_runs AS r
    WHERE r.tenant_id = t.tenant_id AND r.kind = t.kind
      AND r.state = 'queued' AND r.ready AND r.run_at <= now()
      AND (:run_id::uuid IS NULL OR r.id = :run_id::uuid)
    ORDER BY r.priority DESC, r.run_at, r.id
    LIMIT 2
    FOR UPDATE SKIP LOCKED
  ) AS run
  LIMIT 2
), chosen AS MATERIALIZED (
  SELECT f.tenant_id, f.id FROM free AS f ORDER BY f.turn, f.priority DESC, f.run_at, f.id LIMIT 1
), turned AS (
  UPDATE job_turns AS t SET tenant_id = chosen.tenant_id
  FROM chosen
  WHERE t.queue = :queue AND :run_id::uuid IS NULL
)
UPDATE job_runs AS r
SET state = 'running', attempts = r.attempts + 1, error = NULL,
    started_at = coalesce(r.started_at, now()),
    max_attempts = coalesce(r.max_attempts, (SELECT k.attempts FROM known AS k WHERE k.kind = r.kind)),
    lease_token = gen_random_uuid(),
    lease_until = now() + make_interval(secs => :lease_s)
FROM chosen
WHERE r.tenant_id = chosen.tenant_id AND r.id = chosen.id
RETURNING r.tenant_id, r.id, r.kind, r.args, r.cursor, r.lease_token, r.attempts,
  (SELECT count(*) > 1 FROM free) AS more;
