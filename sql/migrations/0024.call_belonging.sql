-- depends: 0016.call_activity
-- Whose calls are whose: a row for each change to numbers and to who answers them, so that caches are
-- given up at once and calls kept for nobody find their tenant.

CREATE TABLE number_changes (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at  timestamptz NOT NULL DEFAULT now(),
  handled_at  timestamptz
);
COMMENT ON COLUMN number_changes.handled_at IS 'when calls kept for nobody were looked through';

-- The table is new, so it is empty.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idx_number_changes_unhandled ON number_changes (id) WHERE handled_at IS NULL;

CREATE FUNCTION trunkline_note_number_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO number_changes DEFAULT VALUES;
  PERFORM pg_notify('trunkline', 'calls');
  RETURN NULL;
END
$$;

CREATE TRIGGER dids_changed AFTER INSERT OR UPDATE OR DELETE ON dids
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_number_change();

CREATE TRIGGER inbound_agent_config_changed
  AFTER INSERT OR UPDATE OR DELETE ON inbound_agent_config
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_number_change();
