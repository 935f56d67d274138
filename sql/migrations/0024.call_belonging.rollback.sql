DROP TRIGGER inbound_agent_config_changed ON inbound_agent_config;
DROP TRIGGER dids_changed ON dids;
DROP FUNCTION trunkline_note_number_change();
DROP TABLE number_changes;
