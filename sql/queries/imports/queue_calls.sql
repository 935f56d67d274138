-- A call to each staged contact into the campaign's queue, once; they are dialed when it runs.
-- Senders are chosen as in journeys/queue_calls.sql, for each contact the same each time.
--   :refused_lines  of rows that the database refused
WITH sender AS MATERIALIZED (
  SELECT t.sms_sender, ARRAY(
    SELECT substr(d.number, 2)::bigint FROM dids AS d
    WHERE d.tenant_id = :tenant_id AND d.status = 'ACTIVE'
    ORDER BY d.number
  ) AS numbers
  FROM tenants AS t
  WHERE t.id = :tenant_id
)
INSERT INTO call_queue (tenant_id, campaign_id, contact_id, to_number, from_number)
SELECT :tenant_id, :campaign_id, c.id, s.phone_number,
  CASE cardinality(f.numbers)
    -- A sender of messages may be a name.
    WHEN 0 THEN substring(f.sms_sender FROM '^\+[1-9][0-9]{6,14}$')
    WHEN 1 THEN '+' || f.numbers[1]
    ELSE (
      SELECT '+' || n.number FROM unnest(f.numbers) AS n (number)
      ORDER BY sha256(convert_to(c.id || ':+' || n.number, 'UTF8')) DESC
      LIMIT 1
    )
  END
FROM sender AS f
CROSS JOIN staged_contacts AS s
CROSS JOIN LATERAL (
  SELECT k.id
  FROM contacts AS k
  WHERE k.tenant_id = :tenant_id AND k.phone_number = s.phone_number AND NOT k.do_not_contact
  LIMIT 1
) AS c
WHERE s.reason IS NULL AND NOT s.line_number = ANY (:refused_lines::bigint[])
ORDER BY c.id
ON CONFLICT (tenant_id, campaign_id, contact_id) DO NOTHING;
