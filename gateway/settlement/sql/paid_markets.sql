-- Of these markets those with a bet that is settled. $1 markets.
SELECT market FROM unnest($1::text []) AS asked (market)
WHERE EXISTS (
    SELECT FROM bets.leg INNER JOIN bets.bet ON bet.bet = leg.bet
    WHERE leg.market = asked.market AND bet.state IN ('won', 'lost', 'void')
)
