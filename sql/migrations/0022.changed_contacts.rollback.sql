-- transactional: false
DROP TRIGGER IF EXISTS note_contacts ON contacts;
DROP FUNCTION IF EXISTS trunkline_note_contacts();
DROP TABLE IF EXISTS changed_contacts;
DROP INDEX CONCURRENTLY IF EXISTS idx_journeys_exits;
