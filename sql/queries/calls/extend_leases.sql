-- Calls that go on are waited for some more.
--   :tenant_ids, :ids, :outcome_s, :now (null: the database's)
UPDATE call_queue AS q
SET lease_until = coalesce(:now::timestamptz, now()) + make_interval(secs => :outcome_s)
FROM unnest(:tenant_ids::uuid[], :ids::uuid[]) AS w (tenant_id, id)
WHERE q.tenant_id = w.tenant_id AND q.id = w.id AND q.state = 'DIALING';
