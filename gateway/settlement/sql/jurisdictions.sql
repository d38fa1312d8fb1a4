-- Where bets were placed. $1 bets, $2 what stands for no verified place.
SELECT bet, coalesce(location ->> 'jurisdiction', $2) FROM bets.bet WHERE bet = ANY($1)
