-- Cashes out a bet or a part of it, or says why not. The parameters are those of bets.take_cash_out (migration 0008), in
-- its order.
SELECT * FROM bets.take_cash_out(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22
)
