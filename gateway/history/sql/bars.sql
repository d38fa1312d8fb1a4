-- Open, high, low and close of what was on offer. $1 market key, $2 from, $3 to, $4 width, $5 the first moment of which
-- every change is kept: before it, the minutes are read.
WITH offered AS (
    SELECT
        one.selection, change.ts_log AS at, change.s AS place,
        one.milli AS open, one.milli AS high, one.milli AS low, one.milli AS close, 1 AS changes
    FROM history.change
    INNER JOIN history.form ON form.form = change.form
    CROSS JOIN LATERAL unnest(form.selections, change.milli, form.on_offer) AS one (selection, milli, on_offer)
    WHERE
        change.market = $1
        AND change.ts_log >= greatest($2::timestamptz, $5::timestamptz)
        AND change.ts_log < $3
        AND one.on_offer
        AND one.milli IS NOT NULL
    UNION ALL
    SELECT
        minute.selection, minute.minute, 0, minute.open, minute.high, minute.low, minute.close, minute.changes
    FROM history.minute
    WHERE minute.market = $1 AND minute.minute >= $2 AND minute.minute < least($3::timestamptz, $5::timestamptz)
)

SELECT
    selection,
    date_bin($4::interval, at, '2000-01-01 00:00:00+00') AS start,
    (array_agg(open ORDER BY at, place))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY at DESC, place DESC))[1] AS close,
    sum(changes)::bigint AS changes
FROM offered
GROUP BY 1, 2
ORDER BY 2, 1
