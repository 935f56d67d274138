-- Rows to the error list.
--   :lines, :reasons, :rows  bigint[], text[], and the rows as JSON arrays, text[]
INSERT INTO import_errors (tenant_id, run_id, line_number, reason, row)
SELECT :tenant_id, :run_id, r.line_number, r.reason, r.row::jsonb
FROM unnest(:lines::bigint[], :reasons::text[], :rows::text[]) AS r (line_number, reason, row);
