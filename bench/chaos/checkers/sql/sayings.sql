-- What was said of the results of markets that were bet on, as it was kept.
SELECT saying.market, saying.saying, saying.body FROM settlement.saying
WHERE EXISTS (SELECT FROM bets.leg WHERE leg.market = saying.market)
