-- Of the files with these names, those of an import that is still in the ledger. By name, which is
-- unique: machines may have the folder in different places.
--   :names  text[]
SELECT DISTINCT f.name
FROM job_runs AS r
JOIN unnest(:names::text[]) AS f (name) ON f.name = regexp_replace(r.args ->> 'file', '^.*/', '')
WHERE r.kind IN ('import_contacts', 'import_dids');
