"""Reports: what a day came to, and what was changed of what bets were settled as. Read from the ledger and the steps."""
