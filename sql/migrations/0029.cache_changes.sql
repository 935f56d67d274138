-- depends: 0017.approvals_and_leads 0024.call_belonging
-- Whoever changes a table that processes cache, in any language, tells them so with the commit: the
-- table and the tenant, or * where it were many. Once a statement, whatever its number of rows; not
-- on tables that are written all the time.

CREATE FUNCTION trunkline_tell_caches() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed text[];
BEGIN
  IF TG_OP <> 'TRUNCATE' THEN
    EXECUTE format(
      CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT array_agg(DISTINCT %1$I::text) FROM after'
        WHEN 'DELETE' THEN 'SELECT array_agg(DISTINCT %1$I::text) FROM before'
        ELSE 'SELECT array_agg(c) FROM (SELECT %1$I::text FROM before UNION SELECT %1$I::text FROM after) AS x (c)'
      END,
      TG_ARGV[0]
    ) INTO changed;
    IF changed IS NULL THEN
      RETURN NULL;
    END IF;
  END IF;
  IF changed IS NULL OR cardinality(changed) > 50 THEN
    changed := ARRAY['*'];
  END IF;
  PERFORM pg_notify('trunkline_cache', TG_TABLE_NAME || ' ' || c) FROM unnest(changed) AS c;
  RETURN NULL;
END
$$;

CREATE TRIGGER tell_caches_insert AFTER INSERT ON tenants REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON tenants REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON tenants REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON tenants
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();

CREATE TRIGGER tell_caches_insert AFTER INSERT ON execution_rules REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON execution_rules REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON execution_rules REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON execution_rules
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();

CREATE TRIGGER tell_caches_insert AFTER INSERT ON journeys REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON journeys REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON journeys REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON journeys
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();

CREATE TRIGGER tell_caches_insert AFTER INSERT ON journey_nodes REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON journey_nodes REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON journey_nodes REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON journey_nodes
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();

CREATE TRIGGER tell_caches_insert AFTER INSERT ON services REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON services REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON services REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON services
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();

CREATE TRIGGER tell_caches_insert AFTER INSERT ON inbound_agent_config REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON inbound_agent_config REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON inbound_agent_config REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON inbound_agent_config
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();

CREATE TRIGGER tell_caches_insert AFTER INSERT ON org_settings REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON org_settings REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON org_settings REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON org_settings
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();

CREATE TRIGGER tell_caches_insert AFTER INSERT ON dids REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_update AFTER UPDATE ON dids REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_delete AFTER DELETE ON dids REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches('tenant_id');
CREATE TRIGGER tell_caches_truncate AFTER TRUNCATE ON dids
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_tell_caches();
