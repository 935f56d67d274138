-- What the batches did that took steps of some tenants: one row.
--   :tenant_ids
-- A batch has one line for each journey it touched; its statements stand on each of them.
SELECT
  count(*) AS batches,
  coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY b.statements), 0) AS statements_median,
  coalesce(max(b.statements), 0) AS statements_max,
  coalesce(max(b.late_ms), 0) AS longest_late_ms
FROM (
  SELECT batch_id, max(statements) AS statements, max(late_ms) AS late_ms
  FROM batch_runs
  WHERE tenant_id = ANY(:tenant_ids::uuid[])
  GROUP BY batch_id
) AS b;
