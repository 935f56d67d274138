-- What the error list as a whole is like: how many rows, the widest, whether all is ASCII, and
-- whether the column with number :last_column holds nothing but what an error list left there.
SELECT count(*) AS rows, coalesce(max(jsonb_array_length(e.row)), 0) AS width,
  coalesce(bool_and(octet_length(e.row::text || e.reason) = char_length(e.row::text || e.reason)), true)
    AS ascii,
  coalesce(bool_and(coalesce(e.row ->> :last_column::integer, '') = ''), true) AS last_is_empty
FROM import_errors AS e
WHERE e.tenant_id = :tenant_id AND e.run_id = :run_id;
