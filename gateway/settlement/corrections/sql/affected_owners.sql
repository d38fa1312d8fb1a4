-- The next users. $1 behind this one, $2 at most so many.
SELECT DISTINCT owner FROM affected WHERE owner > $1 ORDER BY owner LIMIT $2
