DROP TABLE job_kinds;
DROP TABLE job_turns;
DROP TRIGGER ready_run ON job_runs;
DROP FUNCTION trunkline_ready_run();
ALTER TABLE job_runs DROP COLUMN ready, DROP COLUMN folds, DROP COLUMN priority;
