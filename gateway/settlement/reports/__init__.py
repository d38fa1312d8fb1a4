"""Reports: what a day came to, and what was changed of settlements. Read from the ledger and the steps."""
