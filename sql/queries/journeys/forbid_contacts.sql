-- Sets or lifts do-not-contact, in order, as whoever changes many contacts does.
WITH locked AS MATERIALIZED (
  SELECT c.id FROM contacts AS c
  JOIN unnest(:contact_ids::uuid[]) AS wanted (id) ON wanted.id = c.id
  WHERE c.tenant_id = :tenant_id
  ORDER BY c.id
  FOR NO KEY UPDATE OF c
)
UPDATE contacts AS c SET do_not_contact = :forbidden, updated_at = now()
FROM locked
WHERE c.tenant_id = :tenant_id AND c.id = locked.id AND c.do_not_contact <> :forbidden;
