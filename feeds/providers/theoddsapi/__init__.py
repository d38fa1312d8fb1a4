"""The Odds API (v4): polled snapshots of one bookmaker and recordings of them, turned into contract states."""
