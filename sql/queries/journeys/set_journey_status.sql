-- Waits for the batches that hold the journey; from the commit on nobody claims its steps.
UPDATE journeys SET status = :status
WHERE tenant_id = :tenant_id AND id = :journey_id AND status <> :status;
