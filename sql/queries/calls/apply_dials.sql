-- Writes what the PBX said to a batch of calls, whose contacts were called now. Fenced: a call that
-- has its outcome already, or whose lease was lost, is only told when it was dialed.
--   :lease_token, :now (null: the database's) and one array a column: :tenant_ids, :ids, :channel_ids,
--   :pbxs, :dialed (false: it was not, and waits for :waits_s, the try given back), :errors
WITH told AS (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :ids::uuid[], :channel_ids::text[], :pbxs::text[], :dialed::boolean[],
    :errors::text[], :waits_s::float8[]
  ) AS r (tenant_id, id, channel_id, pbx, dialed, error, wait_s)
), clock AS MATERIALIZED (
  SELECT coalesce(:now::timestamptz, now()) AS now
), call AS MATERIALIZED (
  SELECT q.tenant_id, q.id, r.pbx, r.dialed, r.error, r.wait_s,
    NOT r.dialed AND q.state = 'DIALING' AND q.lease_token = :lease_token AS undone
  FROM told AS r
  JOIN call_queue AS q
    ON q.tenant_id = r.tenant_id AND q.id = r.id AND q.channel_id = r.channel_id
  ORDER BY q.tenant_id, q.id
  FOR UPDATE OF q
), calls AS (
  UPDATE call_queue AS q
  SET state = CASE WHEN r.undone THEN 'QUEUED' ELSE q.state END,
    attempts = q.attempts - r.undone::int,
    due_at = CASE WHEN r.undone THEN clock.now + make_interval(secs => r.wait_s) ELSE q.due_at END,
    lease_token = CASE WHEN NOT r.undone THEN q.lease_token END,
    lease_until = CASE WHEN NOT r.undone THEN q.lease_until END,
    dialed_at = CASE WHEN r.dialed THEN clock.now ELSE q.dialed_at END,
    pbx = CASE WHEN r.undone THEN q.pbx ELSE r.pbx END,
    error = CASE WHEN r.undone OR q.state = 'DIALING' THEN r.error ELSE q.error END
  FROM call AS r, clock
  -- By key, not by place: one that another moved while it was waited for is elsewhere now.
  WHERE q.tenant_id = r.tenant_id AND q.id = r.id
  RETURNING q.tenant_id, q.contact_id, r.dialed
), locked AS MATERIALIZED (
  SELECT c.tenant_id, c.id
  FROM (SELECT DISTINCT tenant_id, contact_id FROM calls WHERE dialed) AS called
  JOIN contacts AS c ON c.tenant_id = called.tenant_id AND c.id = called.contact_id
  ORDER BY c.tenant_id, c.id
  FOR NO KEY UPDATE OF c
), contact AS (
  UPDATE contacts AS c SET last_called_at = clock.now
  FROM locked, clock
  WHERE c.tenant_id = locked.tenant_id AND c.id = locked.id
)
SELECT count(*) FROM calls;
