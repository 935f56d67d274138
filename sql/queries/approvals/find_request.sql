-- Whose a request is; looked up by the key of each tenant, as no index holds the id alone.
SELECT t.id
FROM tenants AS t
WHERE EXISTS (
  SELECT FROM response_approvals AS a WHERE a.tenant_id = t.id AND a.id = :id
)
LIMIT 1;
