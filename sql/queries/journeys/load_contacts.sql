-- The contacts that a batch's nodes look at, each under its number (from 1) among those wanted.
--   :tenant_ids, :contact_ids  pairs, each once
SELECT
  wanted.number, c.phone_number, c.first_name, c.last_name, c.email, c.company, c.timezone,
  c.status, c.do_not_contact, c.tags, c.attributes
FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[])
  WITH ORDINALITY AS wanted (tenant_id, id, number)
JOIN contacts AS c USING (tenant_id, id);
