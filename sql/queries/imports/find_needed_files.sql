-- Of the files with these names, those that an unfinished import is to read. By name, which is
-- unique: machines may have the folder in different places.
--   :names  text[]
SELECT DISTINCT f.name
FROM job_runs AS r
JOIN unnest(:names::text[]) AS f (name) ON f.name = regexp_replace(r.args ->> 'file', '^.*/', '')
WHERE r.state IN ('queued', 'running') AND r.kind = 'import_contacts';
