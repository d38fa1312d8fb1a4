-- Settlements as they were said, by the id of the saying. $1 markets.
SELECT saying, body FROM settlement.saying WHERE market = ANY($1) AND kind = 'settled'
