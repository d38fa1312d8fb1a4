-- The newest interval of each source of a log. $1 log.
SELECT DISTINCT ON (source) source, state, from_s, from_ts_log, until_s, until_ts_log, until_beat_ts
FROM history.source
WHERE log = $1
ORDER BY source, from_s DESC
