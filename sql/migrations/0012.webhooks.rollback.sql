ALTER TABLE tenants DROP COLUMN webhook_allow_private, DROP COLUMN webhook_secret;
DROP TABLE webhook_calls;
