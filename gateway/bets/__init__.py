"""Bets: what is asked, whether it may be placed (pure, one verdict a check), and the placing of it exactly once."""
