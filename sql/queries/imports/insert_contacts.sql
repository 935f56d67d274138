-- Staged rows into the tables: refused ones to the error list, new contacts to contacts, in order of
-- phone, so that two imports of the same numbers wait for each other and don't deadlock; and those
-- into the campaign, if there is one.
--   :first, :last  the lines of the file to write, with all between them
WITH refused AS (
  INSERT INTO import_errors (tenant_id, run_id, line_number, reason, row)
  SELECT :tenant_id, :run_id, s.line_number, s.reason, s.fields
  FROM staged_contacts AS s
  WHERE s.reason IS NOT NULL AND s.line_number BETWEEN :first AND :last
), written AS (
  INSERT INTO contacts AS c
    (tenant_id, phone_number, first_name, last_name, email, company, timezone, tags, attributes,
     import_run_id)
  SELECT :tenant_id, s.phone_number, s.first_name, s.last_name, s.email, s.company, s.timezone,
    CASE WHEN s.tags = '[]' THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(s.tags)) END,
    s.attributes, :run_id
  FROM staged_contacts AS s
  WHERE s.reason IS NULL AND s.line_number BETWEEN :first AND :last
  ORDER BY s.phone_number
  ON CONFLICT (tenant_id, phone_number) DO NOTHING
  RETURNING c.id
), joined AS (
  INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id, import_run_id)
  SELECT :tenant_id, :campaign_id, w.id, :run_id
  FROM written AS w
  WHERE :campaign_id::uuid IS NOT NULL
)
SELECT count(*) AS created, 0::bigint AS changed
FROM written;
