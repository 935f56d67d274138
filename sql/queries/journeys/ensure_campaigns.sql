-- Makes the campaigns that a journey's nodes name, where they are missing.
INSERT INTO campaigns (tenant_id, name)
SELECT :tenant_id, name FROM unnest(:names::text[]) AS named (name) ORDER BY name
ON CONFLICT (tenant_id, name) DO NOTHING;
