-- Contacts of a journey that are on older versions, by where they stand; movable: the current
-- version has a node of that key.
SELECT
  c.version, n.key, count(*) AS contacts,
  EXISTS (
    SELECT 1 FROM journey_nodes AS m
    WHERE m.tenant_id = j.tenant_id AND m.journey_id = j.id AND m.version = j.version
      AND m.key = n.key
  ) AS movable
FROM journeys AS j
JOIN pending_executions AS p ON p.tenant_id = j.tenant_id AND p.journey_id = j.id
JOIN journey_contacts AS c ON c.tenant_id = p.tenant_id AND c.id = p.journey_contact_id
JOIN journey_nodes AS n ON n.tenant_id = p.tenant_id AND n.id = p.node_id
WHERE j.tenant_id = :tenant_id AND j.id = :journey_id
  AND c.version <> j.version
  AND (:from_version::integer IS NULL OR c.version = :from_version::integer)
GROUP BY j.tenant_id, j.id, j.version, c.version, n.key
ORDER BY c.version, n.key;
