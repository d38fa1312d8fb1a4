-- The first state of a market that was on offer, and the last one before it went in play (or, where it never was on
-- offer before that, the last on offer). $1 market key.
WITH offered AS (
    SELECT change.*, form.body, form.live
    FROM history.change
    INNER JOIN history.form ON form.form = change.form
    WHERE change.market = $1 AND true = ANY(form.on_offer)
)

(SELECT 'opening' AS which, offered.* FROM offered ORDER BY ts_log, s LIMIT 1)
UNION ALL
(SELECT 'closing' AS which, offered.* FROM offered ORDER BY live, ts_log DESC, s DESC LIMIT 1)
