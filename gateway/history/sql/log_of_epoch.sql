-- The log and the lane that an epoch means for an event. $1 event, $2 epoch.
SELECT epoch.log, epoch.lane
FROM history.epoch
WHERE epoch.epoch = $2 AND epoch.lane = (
    SELECT log.lane
    FROM history.market AS known
    INNER JOIN history.change ON change.market = known.market
    INNER JOIN history.log ON log.log = change.log
    WHERE known.event = $1
    LIMIT 1
)
