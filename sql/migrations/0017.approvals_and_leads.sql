-- depends: 0011.run_indexes
-- What tenants sell, who came asking for it, and the replies that a person looks at before they go.

CREATE TABLE services (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  name        text        NOT NULL,
  category    text,
  price       numeric     NOT NULL CHECK (price >= 0 AND price < 'Infinity'),
  currency    text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  keywords    text[]      NOT NULL DEFAULT '{}',
  active      boolean     NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN services.keywords IS 'words, or several in a row, by which a lead is known to ask for it';
COMMENT ON COLUMN services.currency IS 'ISO 4217';

CREATE TABLE leads (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  contact_id  uuid,
  category    text,
  source      text,
  status      text        NOT NULL DEFAULT 'NEW' CHECK (status ~ '^[A-Z][A-Z_]{0,31}$'),
  text        text        NOT NULL DEFAULT '',
  attributes  jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
  score       integer     CHECK (score BETWEEN 0 AND 100),
  scored_at   timestamptz,
  scraped_at  timestamptz NOT NULL DEFAULT now(),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE SET NULL (contact_id)
);
COMMENT ON COLUMN leads.status IS 'NEW until somebody or a journey has looked at it, then PROCESSED or a word of one''s own';
COMMENT ON COLUMN leads.scraped_at IS 'when the lead was found';

CREATE TABLE auto_responses (
  tenant_id   uuid        NOT NULL,
  id          uuid        NOT NULL DEFAULT trunkline_uuid7(),
  lead_id     uuid        NOT NULL,
  status      text        NOT NULL DEFAULT 'DRAFT' CHECK (status ~ '^[A-Z][A-Z_]{0,31}$'),
  body        text        NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE CASCADE
);

-- Drafted replies. One that a journey waits for names its step.
CREATE TABLE response_approvals (
  tenant_id           uuid        NOT NULL,
  id                  uuid        NOT NULL DEFAULT trunkline_uuid7(),
  contact_id          uuid        NOT NULL,
  lead_id             uuid,
  journey_id          uuid,
  journey_contact_id  bigint,
  execution_id        bigint,
  status              text        NOT NULL DEFAULT 'PENDING' CHECK (
    status IN ('PENDING', 'APPROVED', 'EDITED', 'REJECTED', 'EXPIRED', 'CANCELLED')),
  body                text        NOT NULL CHECK (char_length(body) BETWEEN 1 AND 1600),
  decided_body        text        CHECK (char_length(decided_body) BETWEEN 1 AND 1600),
  decided_by          text,
  decided_at          timestamptz,
  expires_at          timestamptz,
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id) ON DELETE SET NULL (lead_id),
  CHECK ((status = 'PENDING') = (decided_at IS NULL)),
  CHECK ((status IN ('APPROVED', 'EDITED')) = (decided_body IS NOT NULL))
);
COMMENT ON COLUMN response_approvals.body IS 'the draft, as it was put before a person';
COMMENT ON COLUMN response_approvals.decided_body IS 'what may be sent: the draft if APPROVED, another text if EDITED';
COMMENT ON COLUMN response_approvals.execution_id IS 'the step that waits for the decision, while it is pending';
COMMENT ON COLUMN response_approvals.expires_at IS 'null: it waits for as long as it takes';

-- What is before a person now. A row leaves with the decision.
CREATE TABLE approval_queue (
  tenant_id    uuid        NOT NULL,
  id           bigint      GENERATED ALWAYS AS IDENTITY,
  approval_id  uuid        NOT NULL,
  priority     integer     NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 100),
  assigned_to  text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, approval_id) REFERENCES response_approvals (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN approval_queue.priority IS 'the highest first';
COMMENT ON COLUMN approval_queue.assigned_to IS 'the user who shall decide; null: anybody';

CREATE TABLE approval_history (
  tenant_id   uuid        NOT NULL,
  id          bigint      GENERATED ALWAYS AS IDENTITY,
  request_id  uuid        NOT NULL,
  action      text        NOT NULL CHECK (
    action IN ('requested', 'approved', 'edited', 'rejected', 'expired', 'cancelled')),
  actor       text,
  old_text    text,
  new_text    text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, request_id) REFERENCES response_approvals (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN approval_history.actor IS 'who did it; null: the engine';

-- By trigger, so that whoever decides, in any language, leaves his trace and takes the request from
-- before the others; once a statement, whatever its number of rows.
CREATE FUNCTION trunkline_note_requests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO approval_history (tenant_id, request_id, action, new_text, created_at)
  SELECT a.tenant_id, a.id, 'requested', a.body, a.created_at FROM added AS a ORDER BY a.id;
  RETURN NULL;
END
$$;

CREATE FUNCTION trunkline_note_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH decided AS MATERIALIZED (
    SELECT a.* FROM after AS a JOIN before AS b USING (tenant_id, id)
    WHERE a.status <> b.status AND a.status <> 'PENDING'
  ), taken AS (
    DELETE FROM approval_queue AS q USING decided AS d
    WHERE q.tenant_id = d.tenant_id AND q.approval_id = d.id
  )
  INSERT INTO approval_history (
    tenant_id, request_id, action, actor, old_text, new_text, created_at
  )
  SELECT d.tenant_id, d.id, lower(d.status), d.decided_by, d.body, d.decided_body, d.decided_at
  FROM decided AS d ORDER BY d.id;
  RETURN NULL;
END
$$;

CREATE TRIGGER note_requests AFTER INSERT ON response_approvals
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_requests();
CREATE TRIGGER note_decisions AFTER UPDATE ON response_approvals
  REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION trunkline_note_decisions();

CREATE TABLE org_settings (
  tenant_id   uuid        NOT NULL REFERENCES tenants (id),
  key         text        NOT NULL CHECK (key ~ '^[a-z][a-z0-9_.]{0,99}$'),
  value       jsonb       NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);
