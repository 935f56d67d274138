-- depends: 0011.run_indexes
-- What runs need to wait in fair lines: whose time has come, who was served last, and what kinds
-- the doors let in.

ALTER TABLE job_runs
  ADD COLUMN priority integer NOT NULL DEFAULT 0,
  ADD COLUMN folds boolean NOT NULL DEFAULT false,
  ADD COLUMN ready boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN job_runs.priority IS 'of a tenant''s waiting runs the highest goes first';
COMMENT ON COLUMN job_runs.folds IS
  'later calls with its key change this run until it has begun; without: its key is taken until it has ended';
COMMENT ON COLUMN job_runs.ready IS
  'queued, and its time had come when somebody looked: what waits for its time is not looked through for whose turn it is';

-- Whoever writes a run, and forgets to say.
CREATE FUNCTION trunkline_ready_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.ready := NEW.state = 'queued' AND NEW.run_at <= now();
  RETURN NEW;
END
$$;

CREATE TRIGGER ready_run BEFORE INSERT OR UPDATE OF state, run_at ON job_runs
FOR EACH ROW EXECUTE FUNCTION trunkline_ready_run();

-- The tenant that was served last. Whoever takes up a run holds its queue's row until that is
-- committed, so that limits are kept to the run.
CREATE TABLE job_turns (
  queue      text  PRIMARY KEY,
  tenant_id  uuid  NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);

CREATE TABLE job_kinds (
  kind      text    PRIMARY KEY,
  required  text[]  NOT NULL,
  allowed   text[]
);
COMMENT ON TABLE job_kinds IS
  'written by `trunkline migrate`, which knows them from the code; while it is empty, every kind is let in';
COMMENT ON COLUMN job_kinds.allowed IS 'null: whatever is given';
