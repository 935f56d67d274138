ANALYZE staged_contacts;
