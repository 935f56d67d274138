-- Changes contacts, each at most once a batch. Locked in key order first: two batches that hold
-- the same contacts in different orders would deadlock.
--   :tenant_ids, :contact_ids   the contacts
--   :fields, :attributes        objects: columns set (null clears), attributes merged
--   :add_tags, :remove_tags     arrays of texts
WITH change AS (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :contact_ids::uuid[],
    :fields::jsonb[], :attributes::jsonb[], :add_tags::jsonb[], :remove_tags::jsonb[]
  ) AS u (tenant_id, id, fields, attributes, add_tags, remove_tags)
), locked AS MATERIALIZED (
  SELECT c.tenant_id, c.id
  FROM contacts AS c
  JOIN change USING (tenant_id, id)
  ORDER BY c.tenant_id, c.id
  FOR NO KEY UPDATE OF c
)
UPDATE contacts AS c
SET
  first_name = CASE WHEN u.fields ? 'first_name' THEN u.fields ->> 'first_name' ELSE c.first_name END,
  last_name = CASE WHEN u.fields ? 'last_name' THEN u.fields ->> 'last_name' ELSE c.last_name END,
  email = CASE WHEN u.fields ? 'email' THEN u.fields ->> 'email' ELSE c.email END,
  company = CASE WHEN u.fields ? 'company' THEN u.fields ->> 'company' ELSE c.company END,
  timezone = CASE WHEN u.fields ? 'timezone' THEN u.fields ->> 'timezone' ELSE c.timezone END,
  status = CASE WHEN u.fields ? 'status' THEN u.fields ->> 'status' ELSE c.status END,
  attributes = c.attributes || u.attributes,
  tags = CASE
    WHEN u.add_tags = '[]' AND u.remove_tags = '[]' THEN c.tags
    ELSE ARRAY(
      SELECT tag FROM (
        SELECT tag FROM unnest(c.tags) AS tag
        UNION
        SELECT tag FROM jsonb_array_elements_text(u.add_tags) AS tag
      ) AS merged
      WHERE NOT u.remove_tags ? tag
      ORDER BY tag
    )
  END,
  updated_at = :now::timestamptz
FROM change AS u
JOIN locked USING (tenant_id, id)
WHERE c.tenant_id = u.tenant_id AND c.id = u.id;
