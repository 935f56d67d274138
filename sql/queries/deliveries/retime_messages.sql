-- Gives messages whose hours are over their next ones; locked since the claim of this transaction.
--   :tenant_ids, :ids, :due_ats, :sendable_untils  (null: no end)
UPDATE messages AS m
SET due_at = r.due_at, sendable_until = r.sendable_until
FROM unnest(
  :tenant_ids::uuid[], :ids::uuid[], :due_ats::timestamptz[], :sendable_untils::timestamptz[]
) AS r (tenant_id, id, due_at, sendable_until)
WHERE m.tenant_id = r.tenant_id AND m.id = r.id AND m.status = 'QUEUED';
