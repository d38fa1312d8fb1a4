-- What becomes of bets. $1 correction; an element each: $2 places, $3 bets, $4 owners, $5 markets, $6 revisions, $7
-- stakes, $8 and $9 state and payout before, $10 and $11 after, $12 deltas, $13 amounts, $14 waived, $15 owed, $16
-- policies, $17 jurisdictions.
INSERT INTO correction.bet (
    correction, place, bet, owner, market, revision, stake, state_before, payout_before, state, payout, delta, amount,
    waived, owed, policy, jurisdiction
)
SELECT $1, frozen.* FROM unnest(
    $2::bigint [], $3::text [], $4::text [], $5::text [], $6::integer [], $7::bigint [], $8::text [], $9::bigint [],
    $10::text [], $11::bigint [], $12::bigint [], $13::bigint [], $14::bigint [], $15::boolean [], $16::text [],
    $17::text []
) AS frozen
