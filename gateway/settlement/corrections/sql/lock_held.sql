-- What is held of an event and not refused, locked. $1 event.
SELECT market, saying, feed, lane, epoch, s, body, correction
FROM settlement.held WHERE event = $1 AND NOT refused ORDER BY market, saying FOR UPDATE
