-- The import that is to be undone.
SELECT r.kind, r.state, r.cursor -> 'tally' AS tally, r.args ->> 'campaign' AS campaign,
  r.created_at
FROM job_runs AS r
WHERE r.tenant_id = :tenant_id AND r.id = :run_id;
