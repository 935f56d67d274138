SELECT webhook_allow_private, webhook_secret FROM tenants WHERE id = :tenant_id;
