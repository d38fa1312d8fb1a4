-- All that was said of markets, without the bodies. $1 markets.
SELECT market, saying, kind, ts, certainty, from_ms, to_ms FROM settlement.saying WHERE market = ANY($1)
