"""The ledger: amounts, accounts and journals, pure; and the statements that write and read them in PostgreSQL."""
