-- Gives calls whose hours are over their next ones; locked since the claim of this transaction.
--   :tenant_ids, :ids, :due_ats, :callable_untils  (null: no end)
UPDATE call_queue AS q
SET due_at = r.due_at, callable_until = r.callable_until
FROM unnest(
  :tenant_ids::uuid[], :ids::uuid[], :due_ats::timestamptz[], :callable_untils::timestamptz[]
) AS r (tenant_id, id, due_at, callable_until)
WHERE q.tenant_id = r.tenant_id AND q.id = r.id AND q.state = 'QUEUED';
