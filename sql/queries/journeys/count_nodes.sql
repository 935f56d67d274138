-- Figures of a journey's nodes, all versions that hold or held contacts: from the lines of the batch
-- history, which add up, and the steps that are pending now; never from the history of steps.
--   :tenant_id, :journey_id
WITH counted AS (
  SELECT
    node.key::bigint AS node_id,
    sum((node.value ->> 'entered')::bigint) AS entered,
    sum((node.value ->> 'skipped')::bigint) AS skipped,
    sum((node.value ->> 'failed')::bigint) AS failed
  FROM batch_runs AS b
  CROSS JOIN LATERAL jsonb_each(b.node_counts) AS node
  WHERE b.journey_id = :journey_id AND b.tenant_id = :tenant_id
  GROUP BY 1
), outcomes AS (
  SELECT node_id, jsonb_object_agg(outcome, number ORDER BY outcome) AS completed
  FROM (
    SELECT
      node.key::bigint AS node_id, outcome.key AS outcome, sum(outcome.value::bigint) AS number
    FROM batch_runs AS b
    CROSS JOIN LATERAL jsonb_each(b.node_counts) AS node
    CROSS JOIN LATERAL jsonb_each_text(node.value -> 'completed') AS outcome
    WHERE b.journey_id = :journey_id AND b.tenant_id = :tenant_id
    GROUP BY 1, 2
  ) AS summed
  GROUP BY 1
), waiting AS (
  SELECT p.node_id, count(*) AS waiting
  FROM pending_executions AS p
  WHERE p.tenant_id = :tenant_id AND p.journey_id = :journey_id
  GROUP BY 1
), enrolled AS (
  SELECT jc.version, count(*) AS entered
  FROM journey_contacts AS jc
  WHERE jc.tenant_id = :tenant_id AND jc.journey_id = :journey_id
  GROUP BY 1
)
SELECT
  n.version, n.key, n.type,
  coalesce(c.entered, 0)::bigint
    + CASE WHEN n.is_start THEN coalesce(e.entered, 0) ELSE 0 END AS entered,
  coalesce(w.waiting, 0) AS waiting,
  coalesce(o.completed, '{}') AS completed,
  coalesce(c.skipped, 0)::bigint AS skipped,
  coalesce(c.failed, 0)::bigint AS failed
FROM journey_nodes AS n
LEFT JOIN counted AS c ON c.node_id = n.id
LEFT JOIN outcomes AS o ON o.node_id = n.id
LEFT JOIN waiting AS w ON w.node_id = n.id
LEFT JOIN enrolled AS e ON e.version = n.version
WHERE n.tenant_id = :tenant_id AND n.journey_id = :journey_id
ORDER BY n.version, n.id;
