-- Adds to what the house would lose. An element each, in order: $1 currencies, $2 markets, $3 selections, $4 stakes, $5
-- liabilities. The stripe is the connection's, as in bets.expose.
INSERT INTO bets.exposure AS held (currency, market, selection, stripe, stakes, liability)
SELECT leg.currency, leg.market, leg.selection, pg_backend_pid() & 31, leg.stakes, leg.liability
FROM unnest($1::text [], $2::text [], $3::text [], $4::bigint [], $5::bigint [])
    AS leg (currency, market, selection, stakes, liability)
ORDER BY leg.currency, leg.market, leg.selection
ON CONFLICT (currency, market, selection, stripe) DO UPDATE
SET stakes = held.stakes + excluded.stakes, liability = held.liability + excluded.liability
