"""Settlement: what is said of results, what it comes to, and what each bet is paid for it; and paid again.

sayings (fold, pure) -> outcome (of a market, pure) -> targets (of a bet, pure) -> steps (what is posted, pure)
recording (a saying, one short transaction) -> settling (work, in batches) -> recounting (from results alone)
"""
