INSERT INTO tenants (slug, name, region, timezone)
VALUES (:slug, :name, :region, :timezone)
ON CONFLICT (slug) DO NOTHING
RETURNING id, slug, name, status, region, timezone;
