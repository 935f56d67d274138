-- Locks the steps that wait for these requests, in order. A batch holds a step before it closes its
-- request, so whoever decides has to come the same way.
--   :tenant_ids, :ids  the requests
SELECT p.id
FROM unnest(:tenant_ids::uuid[], :ids::uuid[]) AS wanted (tenant_id, id)
JOIN response_approvals AS a USING (tenant_id, id)
JOIN pending_executions AS p
  ON p.tenant_id = a.tenant_id AND p.journey_contact_id = a.journey_contact_id
  AND p.id = a.execution_id
WHERE a.status = 'PENDING'
ORDER BY p.tenant_id, p.journey_contact_id, p.id
FOR UPDATE OF p;
