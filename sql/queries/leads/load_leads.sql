-- The lead that each contact brought last, of those nobody has looked at.
--   :tenant_ids, :contact_ids  pairs, each once
-- Of a text the beginning is enough: a page that somebody scraped whole isn't carried along.
SELECT wanted.tenant_id, wanted.contact_id, lead.id, lead.category, lead.text, lead.scraped_at
FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[]) AS wanted (tenant_id, contact_id)
CROSS JOIN LATERAL (
  SELECT l.id, l.category, left(l.text, 10000) AS text, l.scraped_at
  FROM leads AS l
  WHERE l.tenant_id = wanted.tenant_id AND l.contact_id = wanted.contact_id AND l.status = 'NEW'
  ORDER BY l.scraped_at DESC, l.id DESC
  LIMIT 1
) AS lead;
