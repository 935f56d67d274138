--   :kinds  jsonb, [{"kind", "required", "allowed"}, …]
-- One that is gone stays: an older release may still do it, and a newer one says that it is unknown.
INSERT INTO job_kinds AS k (kind, required, allowed)
SELECT n.kind, n.required, n.allowed
FROM jsonb_to_recordset(:kinds::jsonb) AS n (kind text, required text[], allowed text[])
ON CONFLICT (kind) DO UPDATE SET required = excluded.required, allowed = excluded.allowed
  WHERE (k.required, k.allowed) IS DISTINCT FROM (excluded.required, excluded.allowed);
