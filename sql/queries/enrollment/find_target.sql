-- What an enrollment is about, once at its start: the journey, and what its contacts are picked by.
SELECT
  j.id AS journey_id,
  j.status AS journey_status,
  t.status AS tenant_status,
  EXISTS (
    SELECT 1 FROM journey_nodes AS n
    WHERE n.tenant_id = j.tenant_id AND n.journey_id = j.id AND n.version = j.version
      AND n.is_start
  ) AS has_start,
  coalesce(
    (SELECT c.id FROM campaigns AS c WHERE c.tenant_id = t.id AND c.name = :campaign),
    (SELECT r.id FROM job_runs AS r
     WHERE r.tenant_id = t.id AND r.id = :import_run AND r.kind = 'import_contacts')
  ) AS selection_id
FROM tenants AS t
LEFT JOIN journeys AS j ON j.tenant_id = t.id AND j.key = :journey
WHERE t.id = :tenant_id;
