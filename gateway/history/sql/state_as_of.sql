-- The last state of one market as of a moment or a position; see states_as_of. $1 market key.
SELECT
    change.ts_log, change.log, change.s, form.body, form.gone,
    change.ts, change.milli, change.american, change.lay, change.size, change.ltp
FROM history.change
INNER JOIN history.form ON form.form = change.form
WHERE
    change.market = $1
    AND change.ts_log <= $2
    AND (change.log < $3 OR (change.log = $3 AND change.s <= $4))
ORDER BY change.ts_log DESC, change.s DESC
LIMIT 1
