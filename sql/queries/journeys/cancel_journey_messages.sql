-- Unsent messages of an archived journey.
UPDATE messages AS m SET status = 'CANCELLED', error = 'the journey is archived'
WHERE m.ctid = ANY (ARRAY(
  SELECT x.ctid FROM messages AS x
  WHERE x.tenant_id = :tenant_id AND x.journey_id = :journey_id AND x.status = 'QUEUED'
  ORDER BY x.id
  LIMIT :size
  FOR UPDATE
));
