-- Takes contacts that changed out of what is noted, each tenant its share; with the transaction they
-- are gone, or noted still. Nobody waits for another who does the same.
--   :size  notes at most, or a few more
WITH RECURSIVE noted (tenant_id) AS (
  (SELECT c.tenant_id FROM changed_contacts AS c ORDER BY c.tenant_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT c.tenant_id FROM changed_contacts AS c
    WHERE c.tenant_id > n.tenant_id
    ORDER BY c.tenant_id LIMIT 1
  )
  FROM noted AS n WHERE n.tenant_id IS NOT NULL
), share AS MATERIALIZED (
  SELECT ceil(:size::numeric / greatest(count(tenant_id), 1))::bigint AS places FROM noted
)
DELETE FROM changed_contacts AS c
WHERE c.ctid = ANY (ARRAY(
  SELECT x.place
  FROM noted AS n
  CROSS JOIN LATERAL (
    SELECT k.ctid AS place FROM changed_contacts AS k
    WHERE k.tenant_id = n.tenant_id
    ORDER BY k.id
    LIMIT (SELECT places FROM share)
    FOR UPDATE SKIP LOCKED
  ) AS x
))
RETURNING c.tenant_id, c.contact_id, (SELECT places FROM share) AS share;
