-- Markets are a correction's, not the settlers'. $1 markets, $2 correction.
INSERT INTO settlement.work (market, revision, recorded, due, correction)
SELECT market, revision, clock_timestamp(), clock_timestamp(), $2 FROM bets.result WHERE market = ANY($1) ORDER BY market
ON CONFLICT (market) DO UPDATE SET correction = excluded.correction, holder = NULL, held_until = '-infinity'
