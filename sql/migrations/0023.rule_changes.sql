-- depends: 0011.run_indexes
-- Changed rules and zones whose pending steps have not all been given their new times.

CREATE TABLE rule_changes (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id          bigint      GENERATED ALWAYS AS IDENTITY,
  changed_at  timestamptz NOT NULL DEFAULT now(),
  retimed_to  bigint      NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN rule_changes.retimed_to IS 'the last enrollment, in order, whose steps have been looked at';

-- By trigger, so that a change by any other service is seen too.
CREATE FUNCTION trunkline_note_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'tenants' THEN
    INSERT INTO rule_changes (tenant_id) VALUES (NEW.id);
  ELSE
    INSERT INTO rule_changes (tenant_id) VALUES (coalesce(NEW.tenant_id, OLD.tenant_id));
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER note_rules AFTER INSERT OR UPDATE OR DELETE ON execution_rules
  FOR EACH ROW EXECUTE FUNCTION trunkline_note_rules();
CREATE TRIGGER note_rules AFTER UPDATE OF timezone ON tenants
  FOR EACH ROW WHEN (OLD.timezone IS DISTINCT FROM NEW.timezone)
  EXECUTE FUNCTION trunkline_note_rules();
