-- One flush of a shard at a time: what was read of a call stays as it is until it is written.
--   :shard
SELECT pg_try_advisory_xact_lock(726490154, :shard::integer);
