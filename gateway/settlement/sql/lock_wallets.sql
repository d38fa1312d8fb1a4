-- Locks the wallets of those who placed bets. $1 bets.
SELECT owner FROM money.wallet
WHERE owner = ANY(ARRAY(SELECT owner FROM bets.bet WHERE bet = ANY($1)))
ORDER BY owner FOR UPDATE
