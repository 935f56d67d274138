-- Calls under way of which nothing was heard for as long as one waits, with what the log has of them;
-- locked, some at a time. One that the log has begun and not ended goes on, for four hours at most:
-- else a call whose end nobody saw would have its line for ever.
--   :batch_size, :now (null: the database's)
SELECT q.tenant_id, q.id, q.channel_id,
  l.id IS NOT NULL AND l.ended_at IS NULL
    AND l.began_at > coalesce(:now::timestamptz, now()) - interval '4 hours' AS goes_on,
  l.disposition, l.transfer_number, l.user_events, l.billable_seconds
FROM (
  SELECT s.ctid AS place FROM call_queue AS s
  WHERE s.state = 'DIALING' AND s.lease_until <= coalesce(:now::timestamptz, now())
  ORDER BY s.lease_until
  LIMIT :batch_size
  FOR UPDATE SKIP LOCKED
) AS silent
JOIN call_queue AS q ON q.ctid = silent.place
LEFT JOIN LATERAL (
  SELECT k.id, coalesce(k.started_at, k.created_at) AS began_at, k.ended_at, k.disposition, k.transfer_number, k.user_events, k.billable_seconds
  FROM call_logs AS k
  WHERE k.unique_id = q.channel_id AND k.tenant_id = q.tenant_id
  ORDER BY k.ended_at NULLS LAST
  LIMIT 1
) AS l ON true;
