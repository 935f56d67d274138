-- What is null stays as it is.
UPDATE tenants
SET webhook_allow_private = coalesce(:allow_private::boolean, webhook_allow_private),
  webhook_secret = coalesce(:secret::text, webhook_secret),
  updated_at = now()
WHERE id = :tenant_id;
