DROP FUNCTION trunkline_extend_partitions(integer);
DROP TABLE journey_node_executions;
DROP TABLE pending_executions;
DROP TABLE journey_contacts;
DROP TABLE journey_nodes;
DROP TABLE journeys;
