-- The next contacts that an import put into a campaign and that stay contacts: out of it again, if
-- nothing came of it. A call that was not begun goes with it.
--   :after  the last contact of the chunk before
WITH picked AS MATERIALIZED (
  SELECT m.campaign_id, m.contact_id
  FROM campaigns AS k
  JOIN campaign_contacts AS m ON m.tenant_id = k.tenant_id AND m.campaign_id = k.id
  WHERE k.tenant_id = :tenant_id AND k.name = :campaign
    AND m.import_run_id = :run_id AND m.contact_id > :after::uuid
  ORDER BY m.contact_id
  LIMIT :size
), judged AS MATERIALIZED (
  SELECT p.campaign_id, p.contact_id, q.id AS call_id,
    m.status <> 'PENDING' OR q.attempts > 0 OR q.state NOT IN ('QUEUED', 'HELD') AS used
  FROM picked AS p
  JOIN campaign_contacts AS m
    ON m.tenant_id = :tenant_id AND m.campaign_id = p.campaign_id AND m.contact_id = p.contact_id
  LEFT JOIN call_queue AS q
    ON q.tenant_id = :tenant_id AND q.campaign_id = p.campaign_id AND q.contact_id = p.contact_id
  ORDER BY p.contact_id
  FOR UPDATE OF m
), uncalled AS (
  DELETE FROM call_queue AS q
  USING judged AS j
  WHERE q.tenant_id = :tenant_id AND q.id = j.call_id AND j.used IS NOT TRUE
), left_it AS (
  DELETE FROM campaign_contacts AS m
  USING judged AS j
  WHERE m.tenant_id = :tenant_id AND m.campaign_id = j.campaign_id
    AND m.contact_id = j.contact_id AND j.used IS NOT TRUE
)
SELECT j.contact_id, c.phone_number, coalesce(j.used, false) AS used,
  c.import_run_id IS DISTINCT FROM :run_id AS was_there
FROM judged AS j
JOIN contacts AS c ON c.tenant_id = :tenant_id AND c.id = j.contact_id
ORDER BY j.contact_id;
