-- Settled and open bets on markets. $1 markets.
INSERT INTO affected (owner, bet, market)
SELECT bet.owner, bet.bet, min(leg.market)
FROM bets.leg INNER JOIN bets.bet ON bet.bet = leg.bet
WHERE leg.market = ANY($1) AND bet.state IN ('accepted', 'won', 'lost', 'void')
GROUP BY bet.owner, bet.bet
