-- All changes of markets from a moment to before another, in order. $1 from, $2 to, $3 the event, or null for all.
SELECT
    change.ts_log, change.log, change.s, form.body,
    change.ts, change.milli, change.american, change.lay, change.size, change.ltp
FROM history.change
INNER JOIN history.form ON form.form = change.form
WHERE
    change.ts_log >= $1 AND change.ts_log < $2
    AND (
        $3::text IS NULL
        OR change.market IN (SELECT known.market FROM history.market AS known WHERE known.event = $3)
    )
ORDER BY change.ts_log, change.log, change.s
