-- Bets as they stand, locked. $1 bets.
SELECT
    bet, owner, currency, stake - cashed_stake, potential_payout, state, payout, revision,
    floor(extract(EPOCH FROM placed) * 1000)::bigint, under_review
FROM bets.bet WHERE bet = ANY($1) ORDER BY bet FOR UPDATE
