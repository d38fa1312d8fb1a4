-- Work that is due and nobody's, the oldest first. $1 who takes it, $2 for how long, $3 at most so many markets.
UPDATE settlement.work AS taken SET holder = $1, held_until = clock_timestamp() + $2
WHERE taken.market IN (
    SELECT market FROM settlement.work
    WHERE correction IS NULL AND due <= clock_timestamp() AND held_until < clock_timestamp()
    ORDER BY due LIMIT $3 FOR UPDATE SKIP LOCKED
)
RETURNING market, revision, recorded, after, waiting
