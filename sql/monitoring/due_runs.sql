-- Runs that nobody has taken up though they are due, seconds, the longest waiting first.
SELECT t.slug AS tenant, r.run_at, extract(epoch FROM now() - r.run_at)::bigint AS late_s, r.id, r.kind
FROM job_runs AS r
JOIN tenants AS t ON t.id = r.tenant_id AND t.status = 'ACTIVE'
WHERE r.state IN ('queued', 'running')
  AND r.run_at <= now()
  AND (r.state = 'queued' OR r.lease_until < now())
ORDER BY late_s DESC
LIMIT 100;
