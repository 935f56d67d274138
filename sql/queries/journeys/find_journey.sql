SELECT id, key, version, status, updated_at FROM journeys WHERE tenant_id = :tenant_id AND key = :key;
