-- Of every user the open holds and the open stakes.
SELECT account.owner, account.currency, coalesce(held.amount, 0)::bigint, account.balance
FROM money.account
LEFT JOIN (
    SELECT owner, currency, sum(amount) AS amount FROM money.hold WHERE state = 'open' GROUP BY owner, currency
) AS held ON held.owner = account.owner AND held.currency = account.currency
WHERE account.kind = 'user:open_stakes'
