-- The last state of an event as of a moment or a position; see states_as_of. $1 event.
SELECT change.ts_log, change.log, change.s, change.body
FROM history.event_change AS change
WHERE
    change.event = $1
    AND change.ts_log <= $2
    AND (change.log < $3 OR (change.log = $3 AND change.s <= $4))
ORDER BY change.ts_log DESC, change.s DESC
LIMIT 1
