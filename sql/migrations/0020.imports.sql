-- depends: 0011.run_indexes
-- What each import put where, so that it can be undone, and how much a tenant may import.

-- A table of one row a tenant: its checks are validated at once.
-- squawk-ignore-file constraint-missing-not-valid
ALTER TABLE tenants
  ADD COLUMN import_max_bytes bigint
    CONSTRAINT tenants_import_max_bytes_check CHECK (import_max_bytes > 0),
  ADD COLUMN import_max_rows bigint
    CONSTRAINT tenants_import_max_rows_check CHECK (import_max_rows > 0),
  ADD COLUMN import_max_columns integer
    CONSTRAINT tenants_import_max_columns_check CHECK (import_max_columns > 0),
  ADD COLUMN imports_at_once integer
    CONSTRAINT tenants_imports_at_once_check CHECK (imports_at_once > 0);
COMMENT ON COLUMN tenants.import_max_bytes IS 'of one file; null, here and below: what the settings say';
COMMENT ON COLUMN tenants.imports_at_once IS 'imports that have not ended; more are refused';

ALTER TABLE campaign_contacts ADD COLUMN import_run_id uuid;
COMMENT ON COLUMN campaign_contacts.import_run_id IS 'the run that put the contact there';

ALTER TABLE dids ADD COLUMN import_run_id uuid;
COMMENT ON COLUMN dids.import_run_id IS 'the run that created the number';

-- What becomes of a value that is there when a file brings another. Empty is no value.
--   policy  update, update_empty_only, or skip
CREATE FUNCTION trunkline_merged(policy text, present text, brought text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE policy
    WHEN 'update' THEN coalesce(brought, present)
    WHEN 'update_empty_only' THEN coalesce(nullif(present, ''), brought, present)
    ELSE present
  END
$$;

-- Attributes go by name. Tags are a set: they are only ever added.
CREATE FUNCTION trunkline_merged(policy text, present jsonb, brought jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE policy
    WHEN 'update' THEN present || brought
    WHEN 'update_empty_only' THEN brought || present
    ELSE present
  END
$$;

CREATE FUNCTION trunkline_merged(policy text, present text[], brought text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN policy = 'skip' OR brought <@ present THEN present
    ELSE present || ARRAY(
      SELECT tag FROM unnest(brought) WITH ORDINALITY AS b (tag, place)
      WHERE tag <> ALL (present) ORDER BY place
    ) END
$$;

-- Whoever changes a contact, and forgets to say when: an import that is undone must see it.
CREATE FUNCTION trunkline_touch_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END
$$;

CREATE TRIGGER touch_contact BEFORE UPDATE ON contacts
FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at AND NEW.* IS DISTINCT FROM OLD.*)
EXECUTE FUNCTION trunkline_touch_contact();
