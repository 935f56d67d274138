-- One line in the batch history for each journey the batch touched.
INSERT INTO batch_runs (
  tenant_id, batch_id, journey_id, status, claimed, completed, rescheduled, failed,
  statements, late_ms, node_counts, started_at, finished_at
)
SELECT
  b.tenant_id, :batch_id, b.journey_id, :status, b.claimed, b.completed, b.rescheduled, b.failed,
  :statements, b.late_ms, b.node_counts, :started_at, clock_timestamp()
FROM unnest(
  :tenant_ids::uuid[], :journey_ids::uuid[], :claimed::integer[], :completed::integer[],
  :rescheduled::integer[], :failed::integer[], :late_ms::bigint[],
  :node_counts::jsonb[]
) AS b (tenant_id, journey_id, claimed, completed, rescheduled, failed, late_ms, node_counts);
