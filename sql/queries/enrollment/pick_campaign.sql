-- The next contacts of a campaign, in order of id.
-- To be read together with enroll_picked.sql, which it begins.
WITH picked AS MATERIALIZED (
  SELECT c.id AS contact_id, true AS known, c.do_not_contact AS barred
  FROM campaign_contacts AS m
  JOIN contacts AS c ON c.tenant_id = m.tenant_id AND c.id = m.contact_id
  WHERE m.tenant_id = :tenant_id AND m.campaign_id = :selection_id AND m.contact_id > :after
  ORDER BY m.contact_id
  LIMIT :size
)
