-- The staged contacts that are not in the campaign yet: those the tenant had and that were left
-- alone. A statement of its own, because the one that writes contacts doesn't see those another
-- import wrote meanwhile.
--   :refused_lines  of rows that the database refused
-- LIMIT 1 changes nothing, the number being unique, but holds the planner to one look into the
-- index for each row: while contacts has no statistics yet, it may come to read all of the table.
INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id, import_run_id)
SELECT :tenant_id, :campaign_id, c.id, :run_id
FROM staged_contacts AS s
CROSS JOIN LATERAL (
  SELECT k.id
  FROM contacts AS k
  WHERE k.tenant_id = :tenant_id AND k.phone_number = s.phone_number
  LIMIT 1
) AS c
WHERE s.reason IS NULL AND NOT s.line_number = ANY (:refused_lines::bigint[])
ORDER BY c.id
ON CONFLICT DO NOTHING;
