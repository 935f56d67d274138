-- Once for a file: where its national phone numbers are at home, how much may be imported, how many
-- imports that began before this one have not ended, and its campaign, made if missing.
-- A campaign that another import makes at this moment is waited for; hence DO UPDATE, which
-- returns the row either way.
--   :run_id  the import, or null: the one that is about to begin
WITH campaign AS (
  INSERT INTO campaigns (tenant_id, name)
  SELECT :tenant_id, :campaign::text
  WHERE :campaign::text IS NOT NULL
  ON CONFLICT (tenant_id, name) DO UPDATE SET name = excluded.name
  RETURNING id
)
SELECT t.region, (SELECT id FROM campaign) AS campaign_id,
  t.import_max_bytes, t.import_max_rows, t.import_max_columns, t.imports_at_once,
  (
    SELECT count(*)
    FROM job_runs AS r
    LEFT JOIN job_runs AS own ON own.tenant_id = :tenant_id AND own.id = :run_id
    WHERE r.tenant_id = :tenant_id AND r.kind IN ('import_contacts', 'import_dids')
      AND r.state IN ('queued', 'running')
      AND (own.id IS NULL OR (r.created_at, r.id) < (own.created_at, own.id))
  ) AS under_way
FROM tenants AS t
WHERE t.id = :tenant_id;
