-- Takes each tenant's next :each due steps out, without what would follow them.
DELETE FROM pending_executions AS p
WHERE p.ctid = ANY (ARRAY(
  SELECT step.ctid
  FROM tenants AS t
  CROSS JOIN LATERAL (
    SELECT e.ctid
    FROM pending_executions AS e
    WHERE e.tenant_id = t.id AND e.state = 'DUE' AND e.scheduled_at <= now()
    ORDER BY e.scheduled_at
    LIMIT :each
    FOR UPDATE SKIP LOCKED
  ) AS step
));
