-- Markets of an event that were bet on, with what is in force. $1 event.
SELECT market, outcome FROM bets.result WHERE event = $1 ORDER BY market
