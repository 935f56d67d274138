-- Makes a journey, or gives one its next version.
INSERT INTO journeys AS j (tenant_id, key, name, version, definition, reentry)
VALUES (:tenant_id, :key, :name, 1, :definition, :reentry)
ON CONFLICT (tenant_id, key) DO UPDATE
SET name = excluded.name, version = j.version + 1, definition = excluded.definition,
    reentry = excluded.reentry, updated_at = now()
RETURNING id, version, status;
