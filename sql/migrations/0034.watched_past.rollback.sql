DROP TRIGGER IF EXISTS note_changed_calls ON call_logs;
DROP TRIGGER IF EXISTS note_new_calls ON call_logs;
DROP TRIGGER IF EXISTS note_deleted_appointments ON appointments;
DROP TRIGGER IF EXISTS note_changed_appointments ON appointments;
DROP TRIGGER IF EXISTS note_made_appointments ON appointments;
DROP FUNCTION IF EXISTS trunkline_note_calls();
DROP FUNCTION IF EXISTS trunkline_note_appointments();
DROP FUNCTION IF EXISTS trunkline_watching(text);
