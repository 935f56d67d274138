-- What is before people now, in the order in which it is to be looked at. What is in the queue is
-- pending: a trigger takes out what was decided.
SELECT
  a.id, q.priority, q.assigned_to, a.contact_id, c.phone_number AS phone,
  nullif(concat_ws(' ', c.first_name, c.last_name), '') AS contact, j.key AS journey, a.lead_id,
  a.body, a.created_at, a.expires_at
FROM approval_queue AS q
JOIN response_approvals AS a ON a.tenant_id = q.tenant_id AND a.id = q.approval_id
JOIN contacts AS c ON c.tenant_id = a.tenant_id AND c.id = a.contact_id
LEFT JOIN journeys AS j ON j.tenant_id = a.tenant_id AND j.id = a.journey_id
WHERE q.tenant_id = :tenant_id
ORDER BY q.priority DESC, q.id
LIMIT :size;
