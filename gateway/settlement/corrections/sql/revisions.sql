-- Revisions of results. $1 markets.
SELECT market, revision, outcome FROM bets.result WHERE market = ANY($1)
