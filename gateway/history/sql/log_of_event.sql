-- The log that an event's lane had at a moment. $1 event, $2 at.
SELECT change.log
FROM history.market AS known
INNER JOIN history.change ON change.market = known.market
WHERE known.event = $1 AND change.ts_log <= $2
ORDER BY change.ts_log DESC
LIMIT 1
