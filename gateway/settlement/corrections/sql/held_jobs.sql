-- Jobs that have something of what is held of an event, in order. $1 event.
SELECT DISTINCT correction FROM settlement.held
WHERE event = $1 AND NOT refused AND correction IS NOT NULL
ORDER BY correction
