-- All steps of a change have been looked at, and with them those of the changes before it.
DELETE FROM rule_changes WHERE tenant_id = :tenant_id AND id <= :id;
