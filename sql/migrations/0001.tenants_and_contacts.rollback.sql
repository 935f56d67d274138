DROP TABLE campaign_contacts;
DROP TABLE campaigns;
DROP TABLE contacts;
DROP TABLE execution_rules;
DROP TABLE tenants;
DROP FUNCTION trunkline_uuid7();
