-- Closes the enrollments whose last step was done, or failed; also one that was paused while it
-- ran, which would be left without a step else.
--   :tenant_ids, :ids, :statuses, :errors
UPDATE journey_contacts AS jc
SET status = done.status, error = done.error, finished_at = :now::timestamptz
FROM unnest(:tenant_ids::uuid[], :ids::bigint[], :statuses::text[], :errors::text[])
  AS done (tenant_id, id, status, error)
WHERE jc.tenant_id = done.tenant_id AND jc.id = done.id AND jc.status IN ('ACTIVE', 'PAUSED');
