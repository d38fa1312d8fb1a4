-- The first known moment at which a log stood at a position or behind it; null where the archive is not there yet.
-- $1 log, $2 s.
SELECT min(at) AS at
FROM (
    (SELECT ts_log AS at FROM history.mark WHERE log = $1 AND s >= $2 ORDER BY s LIMIT 1)
    UNION ALL
    (SELECT min(from_ts_log) FROM history.source WHERE log = $1 AND from_s >= $2)
    UNION ALL
    (SELECT min(until_ts_log) FROM history.source WHERE log = $1 AND until_s >= $2)
    UNION ALL
    (SELECT ts_log FROM history.log WHERE log = $1 AND s >= $2)
) AS known
