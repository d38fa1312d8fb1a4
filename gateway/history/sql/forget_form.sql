-- Forms of markets that ended before what is kept. $1 the first moment that is.
DELETE FROM history.form
USING history.market AS known
WHERE
    known.market = form.market
    AND known.gone_ts_log < $1
    AND NOT EXISTS (SELECT 1 FROM history.change WHERE change.market = known.market)
