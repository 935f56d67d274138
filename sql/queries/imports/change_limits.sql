-- How much a tenant may import, after what is asked for has changed; null: what the settings say.
--   :changes  an object: max_bytes, max_rows, max_columns, at_once; what isn't in it stays
UPDATE tenants
SET import_max_bytes = CASE WHEN :changes::jsonb ? 'max_bytes'
      THEN (:changes::jsonb ->> 'max_bytes')::bigint ELSE import_max_bytes END,
    import_max_rows = CASE WHEN :changes::jsonb ? 'max_rows'
      THEN (:changes::jsonb ->> 'max_rows')::bigint ELSE import_max_rows END,
    import_max_columns = CASE WHEN :changes::jsonb ? 'max_columns'
      THEN (:changes::jsonb ->> 'max_columns')::integer ELSE import_max_columns END,
    imports_at_once = CASE WHEN :changes::jsonb ? 'at_once'
      THEN (:changes::jsonb ->> 'at_once')::integer ELSE imports_at_once END
WHERE id = :tenant_id
RETURNING import_max_bytes, import_max_rows, import_max_columns, imports_at_once;
