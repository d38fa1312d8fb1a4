-- One cash-out. $1 owner, $2 cash-out.
SELECT
    cash_out.cash_out, cash_out.client_key, cash_out.bet, cash_out.stake, cash_out.amount, cash_out.open_stake,
    bet.currency, cash_out.at
FROM bets.cash_out
INNER JOIN bets.bet ON bet.bet = cash_out.bet
WHERE cash_out.owner = $1 AND cash_out.cash_out = $2
