-- How many rows there are, and how they differ by what they are joined on; the rest isn't asked for.
ANALYZE staged_contacts (phone_number);
