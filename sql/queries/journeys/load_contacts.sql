-- The contacts that a batch's nodes look at.
--   :tenant_ids, :contact_ids  pairs, each once
SELECT
  c.tenant_id, c.id, c.phone_number, c.first_name, c.last_name, c.email, c.company, c.timezone,
  c.status, c.do_not_contact, c.tags, c.attributes
FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[]) AS wanted (tenant_id, id)
JOIN contacts AS c USING (tenant_id, id);
