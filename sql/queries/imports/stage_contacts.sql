-- A chunk of a file, checked already; COPY fills it. Rows with a reason are refused ones. It is not
-- analyzed: whatever reads it reads it once, and looks each row up by itself (LATERAL, LIMIT 1).
CREATE TEMP TABLE staged_contacts (
  line_number   bigint,
  phone_number  text,
  first_name    text,
  last_name     text,
  email         text,
  company       text,
  timezone      text,
  tags          jsonb,
  attributes    jsonb,
  reason        text,
  fields        jsonb
) ON COMMIT DROP;
