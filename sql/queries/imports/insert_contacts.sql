-- A staged chunk into the tables: refused rows to the error list, new contacts to contacts, in
-- order of phone, so that two imports of the same numbers wait for each other and don't deadlock.
WITH refused AS (
  INSERT INTO import_errors (tenant_id, run_id, line_number, reason, row)
  SELECT :tenant_id, :run_id, s.line_number, s.reason, s.fields
  FROM staged_contacts AS s
  WHERE s.reason IS NOT NULL
), written AS (
  INSERT INTO contacts AS c
    (tenant_id, phone_number, first_name, last_name, email, company, timezone, tags, attributes,
     import_run_id)
  SELECT :tenant_id, s.phone_number, s.first_name, s.last_name, s.email, s.company, s.timezone,
    CASE WHEN s.tags = '[]' THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(s.tags)) END,
    s.attributes, :run_id
  FROM staged_contacts AS s
  WHERE s.reason IS NULL
  ORDER BY s.phone_number
  ON CONFLICT (tenant_id, phone_number) DO NOTHING
  RETURNING 1
)
SELECT (SELECT count(*) FROM written) AS created, 0::bigint AS updated;
