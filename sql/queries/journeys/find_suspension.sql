-- Since when a tenant is suspended, or no row.
SELECT updated_at FROM tenants WHERE id = :tenant_id AND status <> 'ACTIVE';
