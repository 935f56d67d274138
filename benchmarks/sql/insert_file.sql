-- The staged file into contacts and a new campaign. All its contacts are new, so that those
-- returned are all: a join back to contacts, which has no statistics yet, was seen to take minutes.
WITH campaign AS (
  INSERT INTO campaigns (tenant_id, name) VALUES (:tenant_id, :campaign) RETURNING id
), written AS (
  INSERT INTO contacts (tenant_id, phone_number, first_name, last_name, email)
  SELECT DISTINCT ON (s.phone) :tenant_id, s.phone, s.first_name, s.last_name, s.email
  FROM staged_file AS s
  ORDER BY s.phone
  ON CONFLICT (tenant_id, phone_number) DO NOTHING
  RETURNING id
)
INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id)
SELECT :tenant_id, campaign.id, written.id FROM campaign CROSS JOIN written
ON CONFLICT DO NOTHING;
