-- Takes contacts out of campaigns; locked in key order, as those that join are.
--   :tenant_ids, :contact_ids, :campaigns  who, and the campaign's name
WITH leaving AS MATERIALIZED (
  SELECT cc.tenant_id, cc.campaign_id, cc.contact_id
  FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[], :campaigns::text[])
    AS m (tenant_id, contact_id, campaign)
  JOIN campaigns AS c ON c.tenant_id = m.tenant_id AND c.name = m.campaign
  JOIN campaign_contacts AS cc
    ON cc.tenant_id = c.tenant_id AND cc.campaign_id = c.id AND cc.contact_id = m.contact_id
  ORDER BY 1, 2, 3
  FOR UPDATE OF cc
)
DELETE FROM campaign_contacts AS cc
USING leaving AS l
WHERE (cc.tenant_id, cc.campaign_id, cc.contact_id) = (l.tenant_id, l.campaign_id, l.contact_id);
