-- Puts stakes aside again. An element each: $1 bets, $2 owners, $3 currencies, $4 stakes, $5 source keys of the journals.
INSERT INTO money.hold (bet, turn, owner, currency, amount, opened)
SELECT
    again.bet, (SELECT max(hold.turn) + 1 FROM money.hold WHERE hold.bet = again.bet), again.owner, again.currency,
    again.stake, (SELECT journal.journal FROM money.journal WHERE journal.source_key = again.source_key)
FROM unnest($1::text [], $2::text [], $3::text [], $4::bigint [], $5::text [])
    AS again (bet, owner, currency, stake, source_key)
