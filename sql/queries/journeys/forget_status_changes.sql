-- The steps of these changes are settled, all up to this one.
DELETE FROM status_changes
WHERE tenant_id = :tenant_id AND journey_id IS NOT DISTINCT FROM :journey_id::uuid AND id <= :id;
