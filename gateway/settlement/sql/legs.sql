-- The legs of bets. $1 bets.
SELECT bet, market, selection, milli FROM bets.leg WHERE bet = ANY($1) ORDER BY bet, place
