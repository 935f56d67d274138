-- Notes contacts of whom their journeys' goal and exits are to be looked at.
--   :tenant_ids, :contact_ids  pairs
INSERT INTO changed_contacts (tenant_id, contact_id)
SELECT * FROM unnest(:tenant_ids::uuid[], :contact_ids::uuid[]);
