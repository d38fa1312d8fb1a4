-- Every state of a market from a moment to before another, oldest first. $1 market key, $2 from, $3 to, $4 most,
-- $5 of the first moment nothing before this position.
SELECT
    change.ts_log, change.log, change.s, form.body,
    change.ts, change.milli, change.american, change.lay, change.size, change.ltp
FROM history.change
INNER JOIN history.form ON form.form = change.form
WHERE change.market = $1 AND change.ts_log >= $2 AND (change.ts_log, change.s) >= ($2, $5) AND change.ts_log < $3
ORDER BY change.ts_log, change.s
LIMIT $4
