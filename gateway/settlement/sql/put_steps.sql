-- Keeps the steps of bets. An element each: $1 bets, $2 revisions, $3 markets, $4 their revisions, $5 and $6 state and
-- payout before, $7 and $8 since, $9 cash, $10 receivable, $11 waived, $12 source keys of the journals. $13 correction,
-- $14 when.
INSERT INTO settlement.step (
    bet, revision, market, market_revision, state_before, payout_before, state, payout, cash, receivable, waived,
    journal, correction, at
)
SELECT
    step.bet, step.revision, step.market, step.market_revision, step.state_before, step.payout_before, step.state,
    step.payout, step.cash, step.receivable, step.waived,
    (SELECT journal.journal FROM money.journal WHERE journal.source_key = step.source_key), $13, $14
FROM unnest(
    $1::text [], $2::integer [], $3::text [], $4::bigint [], $5::text [], $6::bigint [], $7::text [], $8::bigint [],
    $9::bigint [], $10::bigint [], $11::bigint [], $12::text []
) AS step (
    bet, revision, market, market_revision, state_before, payout_before, state, payout, cash, receivable, waived,
    source_key
)
