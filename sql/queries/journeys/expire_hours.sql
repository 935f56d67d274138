-- Lets queued messages and calls that go by rules ask for their hours anew: the next claim finds those
-- over that they were given under the rules as they were. What waited for hours comes to the claim at
-- once.
--   :size  of each at most; returns how many of the more numerous
WITH expired_messages AS (
  UPDATE messages AS m
  SET sendable_until = :now,
    due_at = CASE WHEN m.attempts = 0 THEN least(m.due_at, :now::timestamptz) ELSE m.due_at END
  WHERE m.ctid = ANY (ARRAY(
    SELECT x.ctid FROM messages AS x
    WHERE x.tenant_id = :tenant_id AND x.status = 'QUEUED'
      AND (x.sendable_until > :now OR (x.sendable_until IS NULL AND x.journey_id IS NOT NULL))
    LIMIT :size
    FOR UPDATE SKIP LOCKED
  ))
  RETURNING 1
), expired_calls AS (
  UPDATE call_queue AS q
  SET callable_until = :now,
    due_at = CASE WHEN q.attempts = 0 THEN least(q.due_at, :now::timestamptz) ELSE q.due_at END
  WHERE q.ctid = ANY (ARRAY(
    SELECT x.ctid FROM call_queue AS x
    WHERE x.tenant_id = :tenant_id AND x.state = 'QUEUED'
      AND (x.callable_until > :now OR (x.callable_until IS NULL AND x.journey_id IS NOT NULL))
    LIMIT :size
    FOR UPDATE SKIP LOCKED
  ))
  RETURNING 1
)
SELECT greatest(
  (SELECT count(*) FROM expired_messages), (SELECT count(*) FROM expired_calls)
);
