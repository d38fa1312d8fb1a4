-- Legs of bets of these accounts that were placed, with the state that each was struck at.
SELECT leg.bet, leg.event, leg.market, leg.selection, leg.milli, leg.s
FROM bets.leg INNER JOIN bets.bet USING (bet)
WHERE bet.owner = ANY($1)
