DROP TRIGGER touch_contact ON contacts;
DROP FUNCTION trunkline_touch_contact();
DROP FUNCTION trunkline_merged(text, text, text);
DROP FUNCTION trunkline_merged(text, jsonb, jsonb);
DROP FUNCTION trunkline_merged(text, text[], text[]);
ALTER TABLE dids DROP COLUMN import_run_id;
ALTER TABLE campaign_contacts DROP COLUMN import_run_id;
ALTER TABLE tenants
  DROP COLUMN import_max_bytes,
  DROP COLUMN import_max_rows,
  DROP COLUMN import_max_columns,
  DROP COLUMN imports_at_once;
