DELETE FROM claim_gates WHERE tenant_id = :tenant_id AND id = :id;
