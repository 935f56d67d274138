SELECT id, phone_number FROM contacts
WHERE tenant_id = :tenant_id AND phone_number = ANY (:phones::text[])
UNION
SELECT id, phone_number FROM contacts
WHERE tenant_id = :tenant_id AND id = ANY (:ids::uuid[]);
