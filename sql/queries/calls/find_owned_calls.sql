-- Calls in quarantine whose number somebody owns by now.
--   :batch_size
SELECT q.pbx, q.unique_id
FROM dids AS d
JOIN call_quarantine AS q ON q.did = d.number
LIMIT :batch_size;
