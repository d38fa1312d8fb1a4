-- Bets of a user with their legs, the newest first. $1 owner, $2 and $3: time and id of the last one that was read, $4
-- at most so many.
SELECT
    bet, client_key, type, stake, currency, potential_payout, payout, state, reason, revision, placed, location, legs,
    cashed_stake, cashed_out
FROM bets.told
WHERE owner = $1 AND (placed, bet) < ($2, $3)
ORDER BY placed DESC, bet DESC
LIMIT $4
