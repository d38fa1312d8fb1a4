-- The last state before a moment of every event that had a market by then. $1 the moment.
SELECT last.ts_log, last.log, last.s, last.body
FROM (SELECT DISTINCT known.event FROM history.market AS known WHERE known.first_ts_log < $1) AS wanted
CROSS JOIN LATERAL (
    SELECT change.* FROM history.event_change AS change
    WHERE change.event = wanted.event AND change.ts_log < $1
    ORDER BY change.ts_log DESC, change.s DESC
    LIMIT 1
) AS last
WHERE last.body::jsonb ->> 'state' <> 'ended'
ORDER BY last.ts_log, last.s
