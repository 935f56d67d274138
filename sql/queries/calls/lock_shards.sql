-- Wait for flushes of these shards, and keep others out until the transaction ends.
--   :shards
SELECT pg_advisory_xact_lock(726490154, w.shard)
FROM (SELECT shard FROM unnest(:shards::integer[]) AS s (shard) ORDER BY shard) AS w;
