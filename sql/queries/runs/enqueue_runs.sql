SELECT e.item, e.run_id, e.outcome, e.error
FROM trunkline_enqueue_many(
  :tenant_id, :kind, :args::jsonb[], :unique_keys::text[], :run_ats::timestamptz[], :priorities::integer[],
  :how, make_interval(secs => :period_s), make_interval(secs => :max_wait_s)
) AS e
ORDER BY e.item;
