-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS idx_campaign_contacts_contact;
