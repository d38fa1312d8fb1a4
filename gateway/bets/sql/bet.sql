-- One bet with its legs. $1 owner, $2 bet.
SELECT
    bet, client_key, type, stake, currency, potential_payout, payout, state, reason, revision, placed, location, legs,
    cashed_stake, cashed_out
FROM bets.told
WHERE owner = $1 AND bet = $2
