-- The minutes from a moment to before another, from their changes. $1 from, $2 to.
INSERT INTO history.minute (minute, market, selection, open, high, low, close, changes)
SELECT
    date_bin('1 minute', change.ts_log, '2000-01-01 00:00:00+00') AS minute,
    change.market,
    one.selection,
    (array_agg(one.milli ORDER BY change.ts_log, change.s))[1] AS open,
    max(one.milli) AS high,
    min(one.milli) AS low,
    (array_agg(one.milli ORDER BY change.ts_log DESC, change.s DESC))[1] AS close,
    count(*) AS changes
FROM history.change
INNER JOIN history.form ON form.form = change.form
CROSS JOIN LATERAL unnest(form.selections, change.milli, form.on_offer) AS one (selection, milli, on_offer)
WHERE change.ts_log >= $1 AND change.ts_log < $2 AND one.on_offer AND one.milli IS NOT NULL
GROUP BY 1, 2, 3
