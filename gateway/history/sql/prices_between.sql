-- Every price of one selection of a market. $1 market key, $2 selection, $3 from, $4 to, $5 most.
SELECT
    change.ts_log,
    change.s,
    change.milli[place.number] AS milli,
    form.on_offer[place.number] AS on_offer
FROM history.change
INNER JOIN history.form ON form.form = change.form
CROSS JOIN LATERAL (SELECT array_position(form.selections, $2) AS number) AS place
WHERE change.market = $1 AND change.ts_log >= $3 AND change.ts_log < $4 AND place.number IS NOT NULL
ORDER BY change.ts_log, change.s
LIMIT $5
