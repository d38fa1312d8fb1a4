-- Users of a job. $1 correction; an element each: $2 users, $3 places, $4 currencies, $5 numbers of bets, $6 amounts.
INSERT INTO correction.owner (correction, owner, place, currency, bets, amount, cash_expected)
SELECT
    $1, frozen.owner, frozen.place, frozen.currency, frozen.bets, frozen.amount,
    (
        SELECT greatest(account.balance + frozen.amount, 0) FROM money.account
        WHERE account.owner = frozen.owner AND account.kind = 'user:cash' AND account.currency = frozen.currency
        AND account.stripe = 0
    )
FROM unnest($2::text [], $3::bigint [], $4::text [], $5::integer [], $6::bigint [])
    AS frozen (owner, place, currency, bets, amount)
