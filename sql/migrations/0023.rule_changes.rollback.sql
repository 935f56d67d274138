DROP TRIGGER IF EXISTS note_rules ON tenants;
DROP TRIGGER IF EXISTS note_rules ON execution_rules;
DROP FUNCTION IF EXISTS trunkline_note_rules();
DROP TABLE IF EXISTS rule_changes;
