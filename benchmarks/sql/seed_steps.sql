-- Each tenant's steps go round its enrollments and round the mix, in random order of time.
WITH enrolled AS (
  SELECT
    jc.tenant_id, jc.journey_id, jc.version, jc.id,
    row_number() OVER (PARTITION BY jc.tenant_id ORDER BY jc.id) - 1 AS place,
    count(*) OVER (PARTITION BY jc.tenant_id) AS places
  FROM journey_contacts AS jc
  WHERE jc.tenant_id = ANY (:tenant_ids::uuid[])
), step AS (
  SELECT e.tenant_id, e.journey_id, e.version, e.id AS journey_contact_id, n
  FROM enrolled AS e
  CROSS JOIN LATERAL generate_series(e.place, :each::bigint - 1, e.places) AS n
)
INSERT INTO pending_executions (
  tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at
)
SELECT
  step.tenant_id, step.journey_id, step.journey_contact_id, node.id,
  coalesce(
    :due_at::timestamptz,
    now() - make_interval(secs => :late_from + (:late_to::float - :late_from::float) * random())
  ),
  now() - interval '2 hours'
FROM step
JOIN journey_nodes AS node
  ON node.tenant_id = step.tenant_id AND node.journey_id = step.journey_id
  AND node.version = step.version
  AND node.key = (:mix::text[])[1 + step.n % cardinality(:mix::text[])];
