-- The newest time of anything that was said of markets. $1 markets.
SELECT coalesce(max(ts), 0)::bigint FROM settlement.saying WHERE market = ANY($1)
