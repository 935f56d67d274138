-- Writes scores to leads, in key order, as whoever changes many does. A status that somebody has
-- given a lead meanwhile stands.
--   :tenant_ids, :ids, :scores, :statuses  the leads, each once
WITH scored AS (
  SELECT * FROM unnest(
    :tenant_ids::uuid[], :ids::uuid[], :scores::integer[], :statuses::text[]
  ) AS s (tenant_id, id, score, status)
), locked AS MATERIALIZED (
  SELECT l.tenant_id, l.id
  FROM leads AS l JOIN scored USING (tenant_id, id)
  ORDER BY l.tenant_id, l.id
  FOR NO KEY UPDATE OF l
)
UPDATE leads AS l
SET
  score = scored.score,
  scored_at = :now::timestamptz,
  status = CASE l.status WHEN 'NEW' THEN scored.status ELSE l.status END
FROM scored JOIN locked USING (tenant_id, id)
WHERE l.tenant_id = scored.tenant_id AND l.id = scored.id;
