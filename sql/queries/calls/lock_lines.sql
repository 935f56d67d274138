-- Tenants that have calls to make and lines free for them, whose lines no other allocation holds; held
-- until the transaction ends. The next statement, which sees what was committed by whoever held them
-- before, takes calls: so two allocations never both find the last line free.
--   :batch_size  tenants at most, :now  the clock, or null for the database's
WITH RECURSIVE waiting (tenant_id) AS (
  -- Distinct tenants by hopping over the index.
  (SELECT q.tenant_id FROM call_queue AS q WHERE q.state = 'QUEUED' ORDER BY q.tenant_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT q.tenant_id FROM call_queue AS q
    WHERE q.state = 'QUEUED' AND q.tenant_id > w.tenant_id
    ORDER BY q.tenant_id LIMIT 1
  )
  FROM waiting AS w WHERE w.tenant_id IS NOT NULL
), turn AS MATERIALIZED (
  -- Who has waited longest comes first, where there are more tenants than places.
  SELECT t.id
  FROM waiting AS w
  JOIN tenants AS t ON t.id = w.tenant_id AND t.status = 'ACTIVE'
  CROSS JOIN LATERAL (
    SELECT q.due_at FROM call_queue AS q
    WHERE q.tenant_id = t.id AND q.state = 'QUEUED'
      AND q.due_at <= coalesce(:now::timestamptz, now())
    ORDER BY q.due_at, q.id
    LIMIT 1
  ) AS first
  WHERE t.max_calls_at_once > (
    SELECT count(*) FROM call_queue AS d WHERE d.tenant_id = t.id AND d.state = 'DIALING'
  )
  ORDER BY first.due_at
  LIMIT :batch_size
)
SELECT id FROM turn
WHERE pg_try_advisory_xact_lock(1953656172, hashtext(id::text));
