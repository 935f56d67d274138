-- Which scheduler leads: who holds the leader's advisory lock of this database. No row: none does.
SELECT a.pid, a.application_name, a.client_addr, a.backend_start
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory'
  AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid = (7264901544217::bigint >> 32)::oid
  AND l.objid = (7264901544217::bigint & x'ffffffff'::bigint)::oid
  AND l.objsubid = 1;
