DROP TABLE call_quarantine;
DROP TABLE call_logs;
DROP TABLE call_queue;
ALTER TABLE contacts DROP COLUMN last_call_outcome, DROP COLUMN last_called_at;
ALTER TABLE campaigns
  DROP COLUMN call_retry_on, DROP COLUMN call_retry_minutes, DROP COLUMN call_attempts;
ALTER TABLE tenants DROP COLUMN max_calls_at_once;
DROP TABLE appointments;
DROP TABLE inbound_agent_config;
DROP TABLE agents;
DROP TABLE users;
