-- What calls that we dialed are about, by their keys.
--   :tenant_ids, :ids
SELECT q.tenant_id, q.id, q.campaign_id, q.contact_id, q.journey_id, q.journey_contact_id,
  q.execution_id, q.to_number, q.from_number
FROM unnest(:tenant_ids::uuid[], :ids::uuid[]) AS w (tenant_id, id)
JOIN call_queue AS q ON q.tenant_id = w.tenant_id AND q.id = w.id;
