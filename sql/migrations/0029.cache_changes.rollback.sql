-- With it go its triggers.
DROP FUNCTION trunkline_tell_caches() CASCADE;
