-- A chunk of a file, checked already; COPY fills it. Rows with a reason are refused ones.
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
