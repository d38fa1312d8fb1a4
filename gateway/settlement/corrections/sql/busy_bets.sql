-- Bets of which another market is still being settled. $1 bets, $2 correction.
SELECT DISTINCT leg.bet FROM bets.leg
INNER JOIN settlement.work ON work.market = leg.market
WHERE leg.bet = ANY($1) AND work.correction IS DISTINCT FROM $2
