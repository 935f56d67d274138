-- What became of the last calls to contacts, each given once. Written after their steps were told: a
-- batch of steps holds those before it changes contacts.
--   :tenant_ids, :contact_ids, :outcomes
WITH called AS (
  SELECT * FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[], :outcomes::text[])
    AS o (tenant_id, id, outcome)
), locked AS MATERIALIZED (
  SELECT c.tenant_id, c.id
  FROM contacts AS c
  JOIN called USING (tenant_id, id)
  ORDER BY c.tenant_id, c.id
  FOR NO KEY UPDATE OF c
)
UPDATE contacts AS c SET last_call_outcome = called.outcome
FROM called
JOIN locked USING (tenant_id, id)
WHERE c.tenant_id = called.tenant_id AND c.id = called.id;
