-- Of these markets those of which what is said is held: something is already, or a correction has them. $1 markets.
SELECT market FROM settlement.held WHERE market = ANY($1) AND NOT refused
UNION
SELECT market FROM settlement.work WHERE market = ANY($1) AND correction IS NOT NULL
