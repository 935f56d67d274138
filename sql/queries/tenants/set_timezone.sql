UPDATE tenants SET timezone = :timezone, updated_at = now()
WHERE id = :tenant_id AND timezone <> :timezone;
