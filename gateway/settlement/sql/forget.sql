-- Lets go of results that nobody bet on; gives how many were looked at, and the last of them. $1, $2 time and market of
-- the last one that was looked at before, $3 only those recorded before, $4 at most so many.
WITH
looked AS (
    SELECT market, at FROM bets.result WHERE (at, market) > ($1, $2) AND at < $3 ORDER BY at, market LIMIT $4
),
unbet AS (SELECT market FROM looked WHERE NOT EXISTS (SELECT FROM bets.leg WHERE leg.market = looked.market)),
sayings AS (DELETE FROM settlement.saying USING unbet WHERE saying.market = unbet.market),
changes AS (DELETE FROM settlement.change USING unbet WHERE change.market = unbet.market),
results AS (DELETE FROM bets.result USING unbet WHERE result.market = unbet.market)
SELECT
    count(*), max(at), (array_agg(market ORDER BY at DESC, market DESC))[1]
FROM looked
