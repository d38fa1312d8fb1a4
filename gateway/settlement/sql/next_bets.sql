-- The next bets on a market. $1 market, $2 the last one that is done, $3 at most so many.
SELECT DISTINCT bet FROM bets.leg WHERE market = $1 AND bet > $2 ORDER BY bet LIMIT $3
