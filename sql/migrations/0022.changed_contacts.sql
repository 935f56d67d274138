-- depends: 0011.run_indexes
-- transactional: false
-- Contacts that changed, for the journeys whose goal or exits look at them. Every statement may be
-- run twice: one that fails leaves those before it done.

-- Which tenants have such journeys, without reading their definitions.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_journeys_exits
  ON journeys (tenant_id) WHERE definition ?| ARRAY['exit', 'goal'];

-- Appended to by whoever changes contacts, taken out by whoever looks at them. A contact may be in it
-- many times: with a unique key a writer would wait for whoever is looking.
CREATE TABLE IF NOT EXISTS changed_contacts (
  tenant_id   uuid    NOT NULL,
  id          bigint  GENERATED ALWAYS AS IDENTITY (CACHE 100),
  contact_id  uuid    NOT NULL,
  PRIMARY KEY (tenant_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- By trigger, so that a change by any other service is seen too; once a statement, so that it costs
-- those without such journeys next to nothing.
CREATE OR REPLACE FUNCTION trunkline_note_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM journeys AS j WHERE j.definition ?| ARRAY['exit', 'goal']) THEN
    INSERT INTO changed_contacts (tenant_id, contact_id)
    SELECT c.tenant_id, c.id FROM changed AS c
    WHERE c.tenant_id IN (
      SELECT j.tenant_id FROM journeys AS j WHERE j.definition ?| ARRAY['exit', 'goal']
    );
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER note_contacts AFTER UPDATE ON contacts
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_contacts();
