-- A staged chunk into the tables: refused rows to the error list, new contacts to contacts, in
-- order of phone, so that two imports of the same numbers wait for each other and don't deadlock.
-- Contacts that are there take what the file has and keep what it leaves empty. They are locked
-- first, in order of id, as journeys/update_contacts.sql locks them: in order of phone the two would
-- deadlock. LIMIT 1 holds the planner to a look into the index for each row (join_campaign.sql).
WITH known AS MATERIALIZED (
  SELECT c.id
  FROM staged_contacts AS s
  CROSS JOIN LATERAL (
    SELECT k.id
    FROM contacts AS k
    WHERE k.tenant_id = :tenant_id AND k.phone_number = s.phone_number
    LIMIT 1
  ) AS c
  WHERE s.reason IS NULL
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
  WHERE s.reason IS NOT NULL
), written AS (
  INSERT INTO contacts AS c
    (tenant_id, phone_number, first_name, last_name, email, company, timezone, tags, attributes,
     import_run_id)
  SELECT :tenant_id, s.phone_number, s.first_name, s.last_name, s.email, s.company, s.timezone,
    CASE WHEN s.tags = '[]' THEN '{}' ELSE ARRAY(SELECT jsonb_array_elements_text(s.tags)) END,
    s.attributes, :run_id
  FROM staged_contacts AS s
  WHERE s.reason IS NULL AND (SELECT count(*) FROM locked) >= 0 -- all are, before the first row
  ORDER BY s.phone_number
  ON CONFLICT (tenant_id, phone_number) DO UPDATE SET
    first_name = coalesce(excluded.first_name, c.first_name),
    last_name = coalesce(excluded.last_name, c.last_name),
    email = coalesce(excluded.email, c.email),
    company = coalesce(excluded.company, c.company),
    timezone = coalesce(excluded.timezone, c.timezone),
    tags = CASE WHEN excluded.tags <@ c.tags THEN c.tags
                ELSE c.tags || ARRAY(SELECT unnest(excluded.tags) EXCEPT SELECT unnest(c.tags)) END,
    attributes = c.attributes || excluded.attributes,
    updated_at = now()
  RETURNING c.xmax = 0 AS created -- a row version made by an insert has no xmax yet
)
SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created) AS updated
FROM written;
