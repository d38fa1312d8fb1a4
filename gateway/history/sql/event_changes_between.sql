-- All changes of events from a moment to before another, in order. $1 from, $2 to, $3 the event, or null for all.
SELECT ts_log, log, s, body
FROM history.event_change
WHERE ts_log >= $1 AND ts_log < $2 AND ($3::text IS NULL OR event = $3)
ORDER BY ts_log, log, s
