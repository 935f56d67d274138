-- How far the steps of a change have been looked at.
UPDATE rule_changes SET retimed_to = :retimed_to WHERE tenant_id = :tenant_id AND id = :id;
