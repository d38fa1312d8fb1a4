-- What bets are from now on; none of them is under review any more. An element each: $1 bets, $2 revisions, $3 states,
-- $4 payouts.
UPDATE bets.bet SET revision = now.revision, state = now.state, payout = now.payout, under_review = FALSE
FROM unnest($1::text [], $2::integer [], $3::text [], $4::bigint []) AS now (bet, revision, state, payout)
WHERE bet.bet = now.bet AND bet.revision = now.revision - 1
