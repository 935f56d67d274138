DROP FUNCTION trunkline_enqueue(uuid, text, jsonb, text, timestamptz);
DROP TABLE schedule_firings;
DROP TABLE batch_runs;
DROP TABLE import_errors;
DROP TABLE job_runs;
