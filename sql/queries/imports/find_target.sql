-- Once for a file: where its national phone numbers are at home, and its campaign, made if missing.
-- A campaign that another import makes at this moment is waited for; hence DO UPDATE, which
-- returns the row either way.
WITH campaign AS (
  INSERT INTO campaigns (tenant_id, name)
  SELECT :tenant_id, :campaign::text
  WHERE :campaign::text IS NOT NULL
  ON CONFLICT (tenant_id, name) DO UPDATE SET name = excluded.name
  RETURNING id
)
SELECT t.region, (SELECT id FROM campaign) AS campaign_id
FROM tenants AS t
WHERE t.id = :tenant_id;
