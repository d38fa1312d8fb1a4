-- Waiting bets whose time has come. $1 at most so many, $2 for how long they are this worker's.
SELECT bet, owner, stake, due FROM bets.take_due($1, $2)
