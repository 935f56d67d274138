-- What the log has of calls with contacts, by their numbers; asked only where a node looks at it.
--   :tenant_ids, :contact_ids  pairs, each once
SELECT w.tenant_id, w.contact_id, total.calls, total.answered, last.at, last.direction,
  last.disposition, c.last_call_outcome, last.billable_seconds
FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[]) AS w (tenant_id, contact_id)
-- Lookups by key: OFFSET 0 leaves the planner no other way.
CROSS JOIN LATERAL (
  SELECT k.phone_number, k.last_call_outcome FROM contacts AS k
  WHERE k.tenant_id = w.tenant_id AND k.id = w.contact_id
  OFFSET 0
) AS c
CROSS JOIN LATERAL (
  SELECT count(*) AS calls, count(*) FILTER (WHERE l.disposition = 'ANSWERED') AS answered
  FROM call_logs AS l
  WHERE l.tenant_id = w.tenant_id AND l.phone_number = c.phone_number
) AS total
LEFT JOIN LATERAL (
  SELECT coalesce(l.started_at, l.created_at) AS at, l.direction, l.disposition, l.billable_seconds
  FROM call_logs AS l
  WHERE l.tenant_id = w.tenant_id AND l.phone_number = c.phone_number
  ORDER BY l.created_at DESC
  LIMIT 1
) AS last ON true;
