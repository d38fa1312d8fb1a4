"""Betfair Exchange: stream messages and recordings of them, turned into contract states."""
