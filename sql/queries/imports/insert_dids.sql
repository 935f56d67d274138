-- Numbers that nobody has become the tenant's, in order, so that two imports don't deadlock; returns
-- those. A conflict is no error here, whosever the number is: find_dids.sql tells.
INSERT INTO dids (tenant_id, number, import_run_id)
SELECT :tenant_id, n.number, :run_id
FROM unnest(:numbers::text[]) AS n (number)
ORDER BY n.number
ON CONFLICT (number) DO NOTHING
RETURNING number;
