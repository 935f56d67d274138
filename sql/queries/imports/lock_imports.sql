-- Until the transaction ends, no other import of the tenant is enqueued: two that look at the same
-- moment how many there are would both find room.
SELECT pg_advisory_xact_lock(hashtextextended('trunkline imports ' || :tenant_id::text, 0));
