-- Which of these numbers are the tenant's own. Of others' nothing is told.
SELECT d.number
FROM unnest(:numbers::text[]) AS n (number)
JOIN dids AS d ON d.number = n.number
WHERE d.tenant_id = :tenant_id;
