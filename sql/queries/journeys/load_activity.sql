-- What contacts got lately: a row for each journey that reached one. Locks the contacts until the
-- transaction ends; one that another batch holds is left out.
--   :tenant_ids, :contact_ids   pairs, each once
--   :day_starts, :day_ends      the day of each
SELECT
  a.tenant_id, a.contact_id, a.journey_id, a.messages_today, a.last_message_at, a.last_call_at
FROM trunkline_contact_activity(
  :tenant_ids::uuid[], :contact_ids::uuid[], :day_starts::timestamptz[], :day_ends::timestamptz[],
  :now::timestamptz
) AS a;
