-- The tables whose rows belong to a row of :referred: each with the column that holds its id. All
-- foreign keys are (tenant_id, …).
SELECT k.conrelid::regclass::text AS referring, a.attname AS id_column
FROM pg_constraint AS k
JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[2]
WHERE k.contype = 'f' AND k.confrelid = :referred::regclass AND k.conparentid = 0
ORDER BY 1, 2;
