-- What a waiting bet is decided by. $1 bet.
SELECT market, selection, asked, asked_s, policy FROM bets.leg WHERE bet = $1 ORDER BY place
