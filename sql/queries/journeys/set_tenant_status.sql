-- Waits for the batches that hold the tenant; from the commit on nobody claims its steps.
UPDATE tenants SET status = :status WHERE id = :tenant_id AND status <> :status;
