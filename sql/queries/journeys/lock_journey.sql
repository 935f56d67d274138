-- The journey that a file is about to change, so that two that apply it wait for each other.
-- The database compares: unlike Python it tells 1 from true, and takes 1e3 for 1000.
SELECT
  id, version, status, definition = :definition AS unchanged,
  (definition -> 'exit', definition -> 'goal')
    IS NOT DISTINCT FROM (:definition::jsonb -> 'exit', :definition::jsonb -> 'goal') AS same_exits
FROM journeys
WHERE tenant_id = :tenant_id AND key = :key
FOR UPDATE;
