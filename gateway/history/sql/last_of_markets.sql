-- The last state of each market. $1 keys.
SELECT
    known.id, last.form, last.ts, last.milli, last.american, last.lay, last.size, last.ltp, form.gone
FROM history.market AS known
CROSS JOIN LATERAL (
    SELECT change.* FROM history.change
    WHERE change.market = known.market
    ORDER BY change.ts_log DESC, change.s DESC
    LIMIT 1
) AS last
INNER JOIN history.form ON form.form = last.form
WHERE known.market = ANY($1::bigint [])
