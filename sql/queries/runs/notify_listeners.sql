SELECT pg_notify('trunkline', :ledger);
