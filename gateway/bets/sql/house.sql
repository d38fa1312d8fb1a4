-- What the house would lose on all open bets, by currency, if on every selection the worst came true.
SELECT currency, sum(liability)::bigint AS liability FROM bets.exposure GROUP BY currency
