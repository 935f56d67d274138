-- Writes what became of a batch of sends. Fenced: a row whose lease was lost in the meantime (its
-- token is another's, or it is SENDING no more) stays as it is.
-- Parameters: lease_token uuid, now (null: the database's clock) and one array a column: tenant_ids, ids, statuses, provider_ids,
-- errors, waits_s (until the next try), unsent (1 gives the attempt back: the send never began).
UPDATE messages AS m
SET status = r.status,
  provider_message_id = coalesce(r.provider_id, m.provider_message_id),
  error = r.error,
  attempts = m.attempts - r.unsent,
  due_at = CASE WHEN r.status = 'QUEUED' THEN coalesce(:now::timestamptz, now()) + make_interval(secs => r.wait_s) ELSE m.due_at END,
  sent_at = CASE WHEN r.status = 'SENT' THEN coalesce(:now::timestamptz, now()) END,
  lease_token = NULL,
  lease_until = NULL
FROM unnest(
  :tenant_ids::uuid[], :ids::uuid[], :statuses::text[], :provider_ids::text[], :errors::text[],
  :waits_s::float8[], :unsent::int[]
) AS r (tenant_id, id, status, provider_id, error, wait_s, unsent)
WHERE m.tenant_id = r.tenant_id
  AND m.id = r.id
  AND m.status = 'SENDING'
  AND m.lease_token = :lease_token
RETURNING m.id, m.status;
