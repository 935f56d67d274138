-- Makes paused enrollments active again; their steps are due where tenant and journey are active.
WITH resumed AS (
  UPDATE journey_contacts AS c SET status = 'ACTIVE'
  FROM unnest(:ids::bigint[]) AS e (id)
  WHERE c.tenant_id = :tenant_id AND c.id = e.id AND c.status = 'PAUSED'
  RETURNING c.id, c.journey_id
), live AS MATERIALIZED (
  SELECT j.id
  FROM tenants AS t
  JOIN journeys AS j ON j.tenant_id = t.id
  WHERE t.id = :tenant_id AND t.status = 'ACTIVE' AND j.status = 'ACTIVE'
    AND j.id IN (SELECT journey_id FROM resumed)
  FOR SHARE OF t, j
), released AS (
  UPDATE pending_executions AS p
  SET state = 'DUE',
    -- Its call was not made meanwhile: it is given a day for the answer anew.
    scheduled_at = CASE WHEN p.wait_key = 'webhook answer' AND p.signal IS NULL
      THEN greatest(p.scheduled_at, now() + interval '1 day') ELSE p.scheduled_at END
  FROM resumed AS r
  WHERE p.tenant_id = :tenant_id AND p.journey_contact_id = r.id
    AND r.journey_id IN (SELECT id FROM live)
)
SELECT count(*) FROM resumed;
