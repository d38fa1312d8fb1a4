-- Outcomes in force. $1 markets.
SELECT market, outcome FROM bets.result WHERE market = ANY($1) AND outcome IS NOT NULL
