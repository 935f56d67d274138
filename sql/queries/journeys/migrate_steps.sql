-- Moves the next contacts of a journey that are on older versions to the current one, where it has
-- a node of the same key. Another type of node is no longer waited at in the old way, what the old one
-- asked people to approve is taken back, and a call that it queued is not made.
--   :from_version  only from this version, or null for all
--   :after, :size  the enrollment after which to begin, and steps at most
-- Updated by key, not by place: a step that another transaction has changed while it was waited for
-- has a new place, which this statement doesn't see.
WITH target AS MATERIALIZED (
  SELECT j.id, j.version FROM journeys AS j
  WHERE j.tenant_id = :tenant_id AND j.id = :journey_id
  FOR SHARE
), chunk AS MATERIALIZED (
  SELECT
    p.journey_contact_id, p.id, target.version,
    following.id AS node_id, following.type = n.type AS alike
  FROM target
  JOIN pending_executions AS p ON p.tenant_id = :tenant_id AND p.journey_id = target.id
  JOIN journey_contacts AS c
    ON c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id
    AND c.version <> target.version
    AND (:from_version::integer IS NULL OR c.version = :from_version::integer)
  JOIN journey_nodes AS n ON n.tenant_id = p.tenant_id AND n.id = p.node_id
  JOIN journey_nodes AS following
    ON following.tenant_id = n.tenant_id AND following.journey_id = n.journey_id
    AND following.version = target.version AND following.key = n.key
  WHERE p.journey_contact_id > :after
  ORDER BY p.journey_contact_id
  LIMIT :size
  FOR UPDATE OF p
), steps AS (
  UPDATE pending_executions AS p
  SET node_id = chunk.node_id,
    wait_key = CASE WHEN chunk.alike THEN p.wait_key END,
    signal = CASE WHEN chunk.alike THEN p.signal END,
    scheduled_at = CASE WHEN chunk.alike THEN p.scheduled_at ELSE now() END
  FROM chunk
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = chunk.journey_contact_id
    AND p.id = chunk.id
), requests AS (
  UPDATE response_approvals AS a SET status = 'CANCELLED', decided_at = now()
  FROM chunk
  WHERE a.tenant_id = :tenant_id AND a.journey_contact_id = chunk.journey_contact_id
    AND a.status = 'PENDING' AND NOT chunk.alike
), undialed AS MATERIALIZED (
  SELECT q.tenant_id, q.id
  FROM chunk
  JOIN call_queue AS q ON q.tenant_id = :tenant_id AND q.execution_id = chunk.id
  WHERE q.state = 'QUEUED' AND NOT chunk.alike
  ORDER BY q.id
  FOR UPDATE OF q SKIP LOCKED -- whoever allocates one may wait for its step, which is held here
), withdrawn AS (
  UPDATE call_queue AS q
  SET state = 'CANCELLED', error = 'its node is another in the current version', finished_at = now()
  FROM undialed
  WHERE q.tenant_id = undialed.tenant_id AND q.id = undialed.id
), enrollments AS (
  UPDATE journey_contacts AS c SET version = chunk.version
  FROM chunk
  WHERE c.tenant_id = :tenant_id AND c.id = chunk.journey_contact_id
)
SELECT count(*), max(journey_contact_id) FROM chunk;
