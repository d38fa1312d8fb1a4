-- The last state of each event. $1 ids.
SELECT wanted.event, last.body
FROM unnest($1::text []) AS wanted (event)
CROSS JOIN LATERAL (
    SELECT change.body FROM history.event_change AS change
    WHERE change.event = wanted.event
    ORDER BY change.ts_log DESC, change.s DESC
    LIMIT 1
) AS last
