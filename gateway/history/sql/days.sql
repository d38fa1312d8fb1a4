-- What is to be done with which day. $1 today, $2 first day of changes to keep, $3 first day of minutes to keep.
SELECT
    day,
    compacted IS NULL AND dropped IS NULL AND day < $1 AS to_compact,
    dropped IS NULL AND day < $2 AS to_drop,
    day < $3 AND dropped IS NOT NULL AS to_forget
FROM history.day
WHERE (compacted IS NULL AND day < $1) OR (dropped IS NULL AND day < $2) OR day < $3
ORDER BY day
