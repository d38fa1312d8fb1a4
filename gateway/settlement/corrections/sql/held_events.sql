-- Events of which something is held that is in no job, nothing newer than some time. $1 that time, $2 at most so many.
SELECT event FROM settlement.held WHERE NOT refused
GROUP BY event HAVING bool_or(correction IS NULL) AND max(received) <= $1
ORDER BY min(received) LIMIT $2
