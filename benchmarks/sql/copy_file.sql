COPY staged_file FROM STDIN (FORMAT csv, HEADER);
