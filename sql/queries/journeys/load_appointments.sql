-- Contacts' appointments: how many, the next that stands and the last that was to be; asked only
-- where a node looks at them.
--   :tenant_ids, :contact_ids  pairs, each once; :now  the clock
SELECT w.tenant_id, w.contact_id, total.appointments, next.scheduled_at,
  coalesce(next.status, last.status), last.scheduled_at, last.status
FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[]) AS w (tenant_id, contact_id)
CROSS JOIN LATERAL (
  SELECT count(*) AS appointments FROM appointments AS a
  WHERE a.tenant_id = w.tenant_id AND a.contact_id = w.contact_id
) AS total
LEFT JOIN LATERAL (
  SELECT a.scheduled_at, a.status FROM appointments AS a
  WHERE a.tenant_id = w.tenant_id AND a.contact_id = w.contact_id
    AND a.scheduled_at > :now::timestamptz AND a.status IN ('SCHEDULED', 'CONFIRMED')
  ORDER BY a.scheduled_at
  LIMIT 1
) AS next ON true
LEFT JOIN LATERAL (
  SELECT a.scheduled_at, a.status FROM appointments AS a
  WHERE a.tenant_id = w.tenant_id AND a.contact_id = w.contact_id
    AND a.scheduled_at <= :now::timestamptz
  ORDER BY a.scheduled_at DESC
  LIMIT 1
) AS last ON true;
