-- From the first to behind the last change of an event and its markets; null where there is none. $1 event.
SELECT min(span.first) AS first, max(span.last) AS last
FROM (
    SELECT min(change.ts_log) AS first, max(change.ts_log) AS last
    FROM history.market AS known
    INNER JOIN history.change ON change.market = known.market
    WHERE known.event = $1
    UNION ALL
    SELECT min(ts_log), max(ts_log) FROM history.event_change WHERE event = $1
) AS span
