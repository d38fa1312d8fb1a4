-- The last state, as of a moment or a position, of every market of an event that was not gone.
-- $1 event, $2 at; $3 log and $4 s: of this log nothing behind s, and nothing of logs that came after it.
SELECT
    known.id, last.ts_log, last.log, last.s, form.body,
    last.ts, last.milli, last.american, last.lay, last.size, last.ltp
FROM history.market AS known
CROSS JOIN LATERAL (
    SELECT change.* FROM history.change
    WHERE
        change.market = known.market
        AND change.ts_log <= $2
        AND (change.log < $3 OR (change.log = $3 AND change.s <= $4))
    ORDER BY change.ts_log DESC, change.s DESC
    LIMIT 1
) AS last
INNER JOIN history.form ON form.form = last.form
WHERE known.event = $1 AND known.first_ts_log <= $2 AND NOT form.gone
ORDER BY known.id
