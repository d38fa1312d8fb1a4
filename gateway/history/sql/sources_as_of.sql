-- The interval of each source of the log that held a position, or was the last before it. $1 log, $2 s, $3 at.
SELECT DISTINCT ON (source) source, state, from_s, from_ts_log, until_s, until_ts_log, until_beat_ts
FROM history.source
WHERE log = $1 AND from_s <= $2 AND from_ts_log <= $3
ORDER BY source, from_s DESC
