-- Bets of a job, page by page. $1 correction, $2 behind this one, $3 at most so many.
SELECT bet FROM correction.bet WHERE correction = $1 AND bet > $2 ORDER BY bet LIMIT $3
