-- depends: 0020.imports
-- transactional: false

-- In which campaigns a contact is: asked for each one that is deleted.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_campaign_contacts_contact
  ON campaign_contacts (tenant_id, contact_id);
