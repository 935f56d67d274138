INSERT INTO contacts (tenant_id, phone_number, first_name, last_name, email, attributes)
SELECT
  t.id, '+1555' || to_char(n, 'FM0000000'), 'Name' || n % 200, 'Last' || n,
  'contact' || n || '@example.com',
  jsonb_build_object('plan', CASE WHEN n % 3 = 0 THEN 'pro' ELSE 'free' END)
FROM unnest(:tenant_ids::uuid[]) AS t (id)
CROSS JOIN generate_series(1, :each::integer) AS n;
