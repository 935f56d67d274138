-- Keeps new claims out of a tenant while a status is changed; committed before the change.
WITH dead AS (
  DELETE FROM claim_gates WHERE expires_at < clock_timestamp()
)
INSERT INTO claim_gates (tenant_id, expires_at)
VALUES (:tenant_id, clock_timestamp() + make_interval(secs => :open_s))
RETURNING id;
