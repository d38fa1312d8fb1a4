-- Decides a waiting bet, once; gives its state. $1 owner, $2 bet, $3 whether it is accepted, $4 why not, $5 when, $6
-- kinds and $7 amounts of the journal that gives the stake back.
SELECT bets.decide($1, $2, $3, $4, $5, $6, $7)
