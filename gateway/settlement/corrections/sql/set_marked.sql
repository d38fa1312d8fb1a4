-- Bets up to a place are under review. $1 correction, $2 place.
UPDATE correction.job SET marked = $2 WHERE correction = $1
