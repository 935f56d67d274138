-- Ends calls that are under way, each with its outcome. One of a campaign whose rules say so is dialed
-- again later, at hours that are found then. A call that has its outcome keeps it.
--   :tenant_ids, :ids, :channel_ids, :outcomes, :errors, :now (null: the database's)
-- `refused` calls never rang.
WITH ended AS (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :ids::uuid[], :channel_ids::text[], :outcomes::text[], :errors::text[],
    :refused::boolean[]
  ) AS e (tenant_id, id, channel_id, outcome, error, refused)
), clock AS MATERIALIZED (
  SELECT coalesce(:now::timestamptz, now()) AS now
), locked AS MATERIALIZED (
  SELECT q.tenant_id, q.id, e.outcome, e.error, e.refused, coalesce(
    k.status NOT IN ('STOPPED', 'FINISHED')
      AND e.outcome = ANY (k.call_retry_on) AND q.attempts < k.call_attempts, false
  ) AS again, k.call_retry_minutes
  FROM ended AS e
  JOIN call_queue AS q
    ON q.tenant_id = e.tenant_id AND q.id = e.id AND q.channel_id = e.channel_id
    AND q.state = 'DIALING'
  LEFT JOIN campaigns AS k ON k.tenant_id = q.tenant_id AND k.id = q.campaign_id
  ORDER BY q.tenant_id, q.id
  FOR UPDATE OF q
)
UPDATE call_queue AS q
SET state = CASE WHEN l.again THEN 'QUEUED' WHEN l.refused THEN 'FAILED' ELSE 'DONE' END,
  outcome = l.outcome,
  due_at = CASE WHEN l.again
    THEN clock.now + make_interval(mins => l.call_retry_minutes) ELSE q.due_at END,
  callable_until = CASE WHEN l.again THEN '-infinity' ELSE q.callable_until END,
  lease_token = NULL,
  lease_until = NULL,
  finished_at = CASE WHEN l.again THEN NULL ELSE clock.now END,
  error = l.error
FROM locked AS l, clock
-- By key, not by place: one that another moved while it was waited for is elsewhere now.
WHERE q.tenant_id = l.tenant_id AND q.id = l.id
RETURNING q.tenant_id, q.id, q.contact_id, q.campaign_id, q.journey_contact_id, q.execution_id,
  q.state, q.outcome, q.attempts;
