-- Entries of a user's cash, the newest first. $1 owner, $2 version of the last one that was read, $3 at most so many.
SELECT
    entry.version,
    journal.source_key,
    journal.kind,
    journal.bet,
    journal.at,
    account.currency,
    entry.amount,
    entry.balance
FROM money.account
INNER JOIN money.entry ON entry.account = account.account
INNER JOIN money.journal ON journal.journal = entry.journal
WHERE account.owner = $1 AND account.kind = 'user:cash' AND entry.version < $2
ORDER BY entry.version DESC
LIMIT $3
