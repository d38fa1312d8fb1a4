-- What becomes of the bets of some users. $1 correction, $2 and $3 places, the first one excluded.
SELECT bet, owner, market, revision, state, payout, amount, waived, owed FROM correction.bet
WHERE correction = $1 AND place > $2 AND place <= $3
ORDER BY place, amount < 0, bet
