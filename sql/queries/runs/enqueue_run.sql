SELECT trunkline_enqueue(:tenant_id, :kind, :args, :unique_key, :run_at);
