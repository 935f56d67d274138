-- Adds contacts to campaigns. A campaign that is gone breaks the not-null key, and so fails the
-- steps that name it. In key order: two batches that add the same contacts would deadlock else.
--   :tenant_ids, :contact_ids, :campaigns  who, and the campaign's name
INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id)
SELECT DISTINCT m.tenant_id, c.id, m.contact_id
FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[], :campaigns::text[])
  AS m (tenant_id, contact_id, campaign)
LEFT JOIN campaigns AS c ON c.tenant_id = m.tenant_id AND c.name = m.campaign
ORDER BY 1, 2, 3
ON CONFLICT (tenant_id, campaign_id, contact_id) DO NOTHING;
