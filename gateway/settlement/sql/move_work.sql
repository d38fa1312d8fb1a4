-- How far a market's work has got. $1 market, $2 revision, $3 holder, $4 the last bet that is done, $5 whether a bet of
-- it waits to be accepted, $6 for how long it stays the holder's.
UPDATE settlement.work
SET after = $4, waiting = waiting OR $5, held_until = clock_timestamp() + $6
WHERE market = $1 AND revision = $2 AND holder = $3
