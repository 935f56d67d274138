-- Which of these ids are messages, of whatever tenant. Reads the whole table: not for busy systems.
--   :ids
SELECT m.id
FROM messages AS m
JOIN unnest(:ids::uuid[]) AS wanted (id) ON wanted.id = m.id;
