"""Protection of accounts: limits, time-outs, self-exclusion, closing. What holds stands in the database (migrations
0007, 0013)."""
