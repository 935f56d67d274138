CREATE TEMP TABLE staged_file (phone text, first_name text, last_name text, email text)
ON COMMIT DROP;
