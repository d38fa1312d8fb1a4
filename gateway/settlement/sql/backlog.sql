-- Markets whose bets are to be settled, and since when the oldest of them is.
SELECT count(*), min(recorded) FROM settlement.work WHERE correction IS NULL
