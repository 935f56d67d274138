ALTER TABLE batch_runs DROP COLUMN node_counts;
ALTER TABLE pending_executions DROP COLUMN signal, DROP COLUMN wait_key, DROP COLUMN steps;
ALTER TABLE journey_nodes DROP COLUMN on_cycle;
ALTER TABLE tenants DROP COLUMN weight;
