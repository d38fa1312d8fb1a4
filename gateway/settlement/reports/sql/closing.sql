-- What all accounts of a kind and currency held before $1.
SELECT account.kind, account.currency, sum(last.balance)::bigint AS balance
FROM money.account
CROSS JOIN LATERAL (
    SELECT entry.balance FROM money.entry
    INNER JOIN money.journal ON journal.journal = entry.journal
    WHERE entry.account = account.account AND journal.at < $1
    ORDER BY entry.version DESC LIMIT 1
) AS last
GROUP BY account.kind, account.currency
ORDER BY account.currency, account.kind
