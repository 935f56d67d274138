-- A tenant whose rules or zone changed some time ago: its latest such change, locked.
--   :age_s  seconds that must have passed
SELECT c.tenant_id, c.id, c.retimed_to
FROM rule_changes AS c
WHERE c.changed_at < now() - make_interval(secs => :age_s)
ORDER BY c.tenant_id, c.id DESC
LIMIT 1
FOR UPDATE;
