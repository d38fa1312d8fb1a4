-- All that was said of markets, as it was said. $1 markets.
SELECT market, saying, body FROM settlement.saying WHERE market = ANY($1)
