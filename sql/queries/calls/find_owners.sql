-- Whose numbers are, and who answers there: the number's own agent, else its tenant's.
--   :numbers
SELECT d.number, d.tenant_id, coalesce(own.agent_id, every.agent_id) AS agent_id
FROM unnest(:numbers::text[]) AS w (number)
JOIN dids AS d ON d.number = w.number
LEFT JOIN inbound_agent_config AS own ON own.tenant_id = d.tenant_id AND own.did_id = d.id
LEFT JOIN inbound_agent_config AS every
  ON every.tenant_id = d.tenant_id AND every.did_id IS NULL;
