-- The results of markets, locked: bets that are under way on them are over, others wait. $1 markets.
SELECT market, revision, outcome FROM bets.result WHERE market = ANY($1) ORDER BY market FOR UPDATE
