-- depends: 0005.indexes
-- What fairness, loops, events and figures by node need of the engine's tables.

ALTER TABLE tenants
  ADD COLUMN weight integer NOT NULL DEFAULT 1
    CONSTRAINT tenants_weight_check CHECK (weight BETWEEN 1 AND 100);
COMMENT ON COLUMN tenants.weight IS 'its share of a batch, against the other tenants'' that have due steps';

ALTER TABLE journey_nodes ADD COLUMN on_cycle boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN journey_nodes.on_cycle IS 'a contact may come here again in one enrollment';

ALTER TABLE pending_executions
  ADD COLUMN steps integer NOT NULL DEFAULT 1,
  ADD COLUMN wait_key text,
  ADD COLUMN signal jsonb;
COMMENT ON COLUMN pending_executions.steps IS 'steps of the enrollment so far, this one included';
COMMENT ON COLUMN pending_executions.wait_key IS
  'the event the step waits for; scheduled_at is when it waits no longer';
COMMENT ON COLUMN pending_executions.signal IS 'the event that came';

ALTER TABLE batch_runs ADD COLUMN node_counts jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN batch_runs.node_counts IS
  'by node id: {"entered": n, "left": {outcome: n}, "failed": n, "skipped": n}; the sum over all lines is a node''s figure';
