-- The oldest change of status, of this tenant and journey or of any, whose steps are not settled.
SELECT s.tenant_id, s.journey_id, max(s.id) AS id
FROM status_changes AS s
WHERE (s.tenant_id, coalesce(s.journey_id, s.tenant_id)) = (
  SELECT f.tenant_id, coalesce(f.journey_id, f.tenant_id) FROM status_changes AS f
  WHERE (:tenant_id::uuid IS NULL OR f.tenant_id = :tenant_id::uuid)
    AND (:journey_id::uuid IS NULL OR f.journey_id = :journey_id::uuid)
  ORDER BY f.changed_at, f.id
  LIMIT 1
)
GROUP BY s.tenant_id, s.journey_id;
