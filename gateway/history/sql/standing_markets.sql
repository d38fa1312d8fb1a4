-- The last state before a moment of every market that was not gone then. $1 the moment.
SELECT
    last.ts_log, last.log, last.s, form.body,
    last.ts, last.milli, last.american, last.lay, last.size, last.ltp
FROM history.market AS known
CROSS JOIN LATERAL (
    SELECT change.* FROM history.change
    WHERE change.market = known.market AND change.ts_log < $1
    ORDER BY change.ts_log DESC, change.s DESC
    LIMIT 1
) AS last
INNER JOIN history.form ON form.form = last.form
WHERE known.first_ts_log < $1 AND NOT form.gone
ORDER BY last.ts_log, last.s
