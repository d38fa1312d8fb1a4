-- Of these markets those that wait: another job has them, or they are still being settled. $1 markets, $2 jobs that give
-- way.
SELECT market FROM correction.market WHERE market = ANY($1) AND open AND correction <> ALL($2)
UNION
SELECT market FROM settlement.work WHERE market = ANY($1) AND correction IS NULL AND NOT waiting
