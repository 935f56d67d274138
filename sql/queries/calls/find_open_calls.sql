-- Calls of a PBX that go on as far as is known, but that it doesn't name among those it has.
--   :pbx, :linked_ids, :at (epoch seconds): of when its word is; calls that began later are not meant
SELECT k.unique_id
FROM (
  SELECT l.unique_id, l.started_at FROM call_logs AS l
  WHERE l.pbx = :pbx AND l.status <> 'ENDED'
  UNION ALL
  SELECT q.unique_id, q.started_at FROM call_quarantine AS q
  WHERE q.pbx = :pbx AND q.status <> 'ENDED'
) AS k
WHERE coalesce(k.started_at < to_timestamp(:at), true)
  AND k.unique_id <> ALL (:linked_ids::text[]);
