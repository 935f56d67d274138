-- Staged rows into the tables: refused ones to the error list, new contacts to contacts, in order of
-- phone, so that two imports of the same numbers wait for each other and don't deadlock; and those
-- written into the campaign, if there is one.
-- Contacts that are there are changed as each column's policy says, or left alone where nothing
-- changes. They are locked first, in order of id, as journeys/update_contacts.sql locks them: in
-- order of phone the two would deadlock. LIMIT 1 holds the planner to a look into the index for each
-- row (join_campaign.sql).
--   :first, :last               the lines of the file to write, with all between them
--   :first_name … :attributes  policies, see trunkline_merged()
WITH known AS MATERIALIZED (
  SELECT c.id
  FROM staged_contacts AS s
  CROSS JOIN LATERAL (
    SELECT k.id
    FROM contacts AS k
    WHERE k.tenant_id = :tenant_id AND k.phone_number = s.phone_number
    LIMIT 1
  ) AS c
  WHERE s.reason IS NULL AND s.line_number BETWEEN :first AND :last
), locked AS MATERIALIZED (
  SELECT c.id
  FROM (SELECT id FROM known ORDER BY id) AS k
  CROSS JOIN LATERAL (
    SELECT o.id
    FROM contacts AS o
    WHERE o.tenant_id = :tenant_id AND o.id = k.id
    LIMIT 1
    FOR NO KEY UPDATE
  ) AS c
), refused AS (
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
    AND (SELECT count(*) FROM locked) >= 0 -- all are, before the first row
  ORDER BY s.phone_number
  ON CONFLICT (tenant_id, phone_number) DO UPDATE SET
    first_name = trunkline_merged(:first_name, c.first_name, excluded.first_name),
    last_name = trunkline_merged(:last_name, c.last_name, excluded.last_name),
    email = trunkline_merged(:email, c.email, excluded.email),
    company = trunkline_merged(:company, c.company, excluded.company),
    timezone = trunkline_merged(:timezone, c.timezone, excluded.timezone),
    tags = trunkline_merged(:tags, c.tags, excluded.tags),
    attributes = trunkline_merged(:attributes, c.attributes, excluded.attributes),
    updated_at = now()
  WHERE (c.first_name, c.last_name, c.email, c.company, c.timezone, c.tags, c.attributes)
    IS DISTINCT FROM (
      trunkline_merged(:first_name, c.first_name, excluded.first_name),
      trunkline_merged(:last_name, c.last_name, excluded.last_name),
      trunkline_merged(:email, c.email, excluded.email),
      trunkline_merged(:company, c.company, excluded.company),
      trunkline_merged(:timezone, c.timezone, excluded.timezone),
      trunkline_merged(:tags, c.tags, excluded.tags),
      trunkline_merged(:attributes, c.attributes, excluded.attributes)
    )
  RETURNING c.id, c.xmax = 0 AS created -- a row version made by an insert has no xmax yet
), joined AS (
  INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id, import_run_id)
  SELECT :tenant_id, :campaign_id, w.id, :run_id
  FROM written AS w
  WHERE :campaign_id::uuid IS NOT NULL
  ORDER BY w.id
  ON CONFLICT DO NOTHING
)
SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created) AS changed
FROM written;
