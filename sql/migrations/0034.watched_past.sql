-- depends: 0014.calls 0022.changed_contacts
-- Calls and appointments of contacts, for the journeys whose goal or exits look at them: they note
-- their contacts as a change of these does, once a statement, where the tenant has such a journey.

CREATE FUNCTION trunkline_watching(word text) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
  SELECT j.tenant_id FROM journeys AS j
  WHERE j.definition ?| ARRAY['exit', 'goal']
    AND strpos(concat(j.definition -> 'exit', j.definition -> 'goal'), '"' || word || '.') > 0
$$;
COMMENT ON FUNCTION trunkline_watching IS
  'Tenants with a journey whose goal or exits look at facts WORD.NAME';

CREATE FUNCTION trunkline_note_appointments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM journeys AS j WHERE j.definition ?| ARRAY['exit', 'goal']) THEN
    INSERT INTO changed_contacts (tenant_id, contact_id)
    SELECT DISTINCT c.tenant_id, c.contact_id FROM changed AS c
    WHERE c.tenant_id IN (SELECT trunkline_watching('appointments'));
  END IF;
  RETURN NULL;
END
$$;

CREATE FUNCTION trunkline_note_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM journeys AS j WHERE j.definition ?| ARRAY['exit', 'goal']) THEN
    INSERT INTO changed_contacts (tenant_id, contact_id)
    SELECT DISTINCT k.tenant_id, k.id
    FROM changed AS c
    JOIN contacts AS k ON k.tenant_id = c.tenant_id AND k.phone_number = c.phone_number
    WHERE c.tenant_id IN (SELECT trunkline_watching('calls'));
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER note_made_appointments AFTER INSERT ON appointments
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_appointments();
CREATE TRIGGER note_changed_appointments AFTER UPDATE ON appointments
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_appointments();
CREATE TRIGGER note_deleted_appointments AFTER DELETE ON appointments
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_appointments();
CREATE TRIGGER note_new_calls AFTER INSERT ON call_logs
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_calls();
CREATE TRIGGER note_changed_calls AFTER UPDATE ON call_logs
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_calls();
