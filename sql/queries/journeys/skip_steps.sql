-- The rest of the statement that a pick_overdue_*.sql begins: records the picked steps as SKIPPED
-- and brings their contacts to the node that follows, by the edge next or else default, timeout or
-- success.
-- A node with none of them (a split, an end) reaches nobody: its step stays and runs. So does one whose
-- event came while it was held: it has its answer.
, passed AS MATERIALIZED (
  SELECT chunk.*, following.id AS next_node_id
  FROM chunk
  JOIN journey_nodes AS n ON n.tenant_id = chunk.tenant_id AND n.id = chunk.node_id
  JOIN journey_nodes AS following
    ON following.tenant_id = n.tenant_id AND following.journey_id = n.journey_id
    AND following.version = n.version
    AND following.key = coalesce(
      n.edges ->> 'next', n.edges ->> 'default', n.edges ->> 'timeout', n.edges ->> 'success'
    )
  WHERE chunk.signal IS NULL
), history AS (
  INSERT INTO journey_node_executions (
    tenant_id, id, journey_id, journey_contact_id, node_id, status,
    scheduled_at, executed_at, completed_at, attempts, outcome, error
  )
  SELECT
    tenant_id, id, journey_id, journey_contact_id, node_id, 'SKIPPED',
    scheduled_at, :now::timestamptz, :now::timestamptz, attempts, 'skipped',
    'overdue when it was resumed'
  FROM passed
), counted AS (
  SELECT tenant_id, journey_id, node_id, jsonb_object_agg(what, number) AS counts
  FROM (
    SELECT tenant_id, journey_id, node_id, 'skipped' AS what, count(*) AS number
    FROM passed GROUP BY 1, 2, 3
    UNION ALL
    SELECT tenant_id, journey_id, next_node_id, 'entered', count(*) FROM passed GROUP BY 1, 2, 3
  ) AS by_node
  GROUP BY 1, 2, 3
), figures AS (
  -- The nodes' figures are those of the batch history, so this is in it as well.
  INSERT INTO batch_runs (
    tenant_id, batch_id, journey_id, status, claimed, completed, rescheduled, failed,
    statements, late_ms, node_counts, started_at, finished_at
  )
  SELECT
    c.tenant_id, gen_random_uuid(), c.journey_id, 'COMPLETED', steps.number, steps.number, 0, 0,
    1, 0, jsonb_object_agg(c.node_id, c.counts), :now::timestamptz, clock_timestamp()
  FROM counted AS c
  JOIN (SELECT journey_id, count(*) AS number FROM passed GROUP BY 1) AS steps USING (journey_id)
  GROUP BY c.tenant_id, c.journey_id, steps.number
), moved AS (
  UPDATE pending_executions AS p
  SET id = DEFAULT, node_id = passed.next_node_id, scheduled_at = :now::timestamptz,
    entered_at = :now::timestamptz, attempts = 0, error = NULL, steps = p.steps + 1,
    wait_key = NULL, signal = NULL
  FROM passed
  -- By key: a step that was waited for has a new place, which this statement doesn't see.
  WHERE (p.tenant_id, p.journey_contact_id, p.id)
    = (passed.tenant_id, passed.journey_contact_id, passed.id)
)
SELECT (SELECT count(*) FROM chunk), (SELECT max(journey_contact_id) FROM chunk), count(*)
FROM passed;
