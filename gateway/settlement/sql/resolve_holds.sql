-- Ends the open holds of bets. An element each: $1 bets, $2 `posted` or `voided`, $3 source keys of the journals.
UPDATE money.hold
SET
    state = now.state,
    resolved = (SELECT journal.journal FROM money.journal WHERE journal.source_key = now.source_key)
FROM unnest($1::text [], $2::text [], $3::text []) AS now (bet, state, source_key)
WHERE hold.bet = now.bet AND hold.state = 'open'
