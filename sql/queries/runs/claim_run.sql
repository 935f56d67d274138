-- One run: queued and due, or running under a lease that has ended. Tenants take turns: a run's
-- turn is its place among its tenant's lines, behind those of the tenant that are under way, so
-- one tenant's thousand runs don't keep another's single one waiting. Chance decides a tie.
-- Kinds that other queues serve are passed over; kinds that nobody knows are not.
--   :run_id       only this one, or null
--   :other_kinds  text[]
--   :lease_s      seconds
-- A line is a tenant's runs of one kind. The index is leapt through from line to line and read at
-- each one's head, so what a claim costs doesn't grow with what is queued.
WITH RECURSIVE lines AS (
  (
    SELECT r.tenant_id, r.kind
    FROM job_runs AS r
    WHERE r.state IN ('queued', 'running') AND :run_id::uuid IS NULL
    ORDER BY r.tenant_id, r.kind
    LIMIT 1
  )
  UNION ALL
  SELECT next.tenant_id, next.kind
  FROM lines AS l
  CROSS JOIN LATERAL (
    SELECT r.tenant_id, r.kind
    FROM job_runs AS r
    WHERE r.state IN ('queued', 'running') AND (r.tenant_id, r.kind) > (l.tenant_id, l.kind)
    ORDER BY r.tenant_id, r.kind
    LIMIT 1
  ) AS next
), heads AS (
  SELECT l.tenant_id, l.kind, head.run_at, head.id
  FROM lines AS l
  CROSS JOIN LATERAL (
    SELECT r.run_at, r.id
    FROM job_runs AS r
    WHERE r.tenant_id = l.tenant_id AND r.kind = l.kind
      AND r.state IN ('queued', 'running') AND r.run_at <= now()
      AND (r.state = 'queued' OR r.lease_until < now())
    ORDER BY r.run_at, r.id
    LIMIT 1
  ) AS head
  WHERE NOT l.kind = ANY (:other_kinds::text[])
  UNION ALL
  SELECT r.tenant_id, r.kind, r.run_at, r.id
  FROM tenants AS t
  JOIN job_runs AS r ON r.tenant_id = t.id AND r.id = :run_id::uuid
  WHERE NOT r.kind = ANY (:other_kinds::text[])
), under_way AS MATERIALIZED (
  SELECT r.tenant_id, count(*) AS runs
  FROM job_runs AS r
  WHERE r.state = 'running' AND r.lease_until >= now()
  GROUP BY r.tenant_id
), turns AS MATERIALIZED (
  SELECT h.tenant_id, h.kind, row_number() OVER (ORDER BY h.place + coalesce(u.runs, 0), random()) AS turn
  FROM (
    SELECT h.tenant_id, h.kind,
           row_number() OVER (PARTITION BY h.tenant_id ORDER BY h.run_at, h.id) AS place
    FROM heads AS h
    JOIN tenants AS t ON t.id = h.tenant_id AND t.status = 'ACTIVE'
  ) AS h
  LEFT JOIN under_way AS u ON u.tenant_id = h.tenant_id
), free AS MATERIALIZED (
  -- Line by line, until two are found that nobody holds: the one, and whether there is another.
  SELECT t.turn, run.*
  FROM (SELECT * FROM turns ORDER BY turn) AS t
  CROSS JOIN LATERAL (
    SELECT r.tenant_id, r.id, r.run_at
    FROM job_runs AS r
    WHERE r.tenant_id = t.tenant_id AND r.kind = t.kind
      AND r.state IN ('queued', 'running') AND r.run_at <= now()
      AND (r.state = 'queued' OR r.lease_until < now())
      AND (:run_id::uuid IS NULL OR r.id = :run_id::uuid)
    ORDER BY r.run_at, r.id
    LIMIT 2
    FOR UPDATE SKIP LOCKED
  ) AS run
  LIMIT 2
)
UPDATE job_runs AS r
SET state = 'running', attempts = r.attempts + 1, error = NULL,
    started_at = coalesce(r.started_at, now()),
    lease_token = gen_random_uuid(),
    lease_until = now() + make_interval(secs => :lease_s)
FROM (SELECT f.tenant_id, f.id FROM free AS f ORDER BY f.turn, f.run_at, f.id LIMIT 1) AS chosen
WHERE r.tenant_id = chosen.tenant_id AND r.id = chosen.id
RETURNING r.tenant_id, r.id, r.kind, r.args, r.cursor, r.lease_token, r.attempts,
  (SELECT count(*) > 1 FROM free) AS more;
