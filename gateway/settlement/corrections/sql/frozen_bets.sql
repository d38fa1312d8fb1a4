-- The frozen list, in the order its hash is made in. $1 correction.
SELECT bet, owner, revision, stake, state_before, payout_before, state, payout, delta, amount, waived, owed, policy
FROM correction.bet WHERE correction = $1 ORDER BY owner, bet
