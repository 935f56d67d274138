-- What is known of calls, wherever they are kept, and the version of what says whose they are.
--   :pbxs, :unique_ids
SELECT coalesce(
    jsonb_agg(jsonb_build_array(w.pbx, w.unique_id, k.tenant_id, k.status, k.state))
      FILTER (WHERE k.state IS NOT NULL), '[]') AS calls,
  (SELECT count(*) || '/' || coalesce(max(n.id), 0) FROM number_changes AS n) AS version
FROM unnest(:pbxs::text[], :unique_ids::text[]) AS w (pbx, unique_id)
LEFT JOIN LATERAL (
  SELECT l.tenant_id, l.status, l.state FROM call_logs AS l
  WHERE l.unique_id = w.unique_id AND l.pbx = w.pbx
  UNION ALL
  SELECT NULL, q.status, q.state FROM call_quarantine AS q
  WHERE q.unique_id = w.unique_id AND q.pbx = w.pbx
) AS k ON true;
