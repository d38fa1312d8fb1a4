"""Protection of accounts: limits, time-outs, self-exclusion. What holds stands in the database (migration 0007)."""
