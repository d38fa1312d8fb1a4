-- Markets of a job. $1 correction.
SELECT market, event, type FROM correction.market WHERE correction = $1 ORDER BY market
