-- Undialed calls of an archived journey; their steps are for the caller to tell.
UPDATE call_queue AS q
SET state = 'CANCELLED', error = 'the journey is archived', finished_at = now()
WHERE q.ctid = ANY (ARRAY(
  SELECT x.ctid FROM call_queue AS x
  WHERE x.tenant_id = :tenant_id AND x.journey_id = :journey_id AND x.state = 'QUEUED'
  ORDER BY x.id
  LIMIT :size
  FOR UPDATE
))
RETURNING q.contact_id, q.execution_id;
