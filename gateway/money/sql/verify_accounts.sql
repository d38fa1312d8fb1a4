-- Every account with every entry of it, by account and version.
SELECT
    account.account, account.owner, account.kind, account.currency, account.balance, account.version, account.hash,
    entry.version, entry.place, coalesce(entry.amount, 0), coalesce(entry.previous, 0), coalesce(entry.balance, 0),
    coalesce(entry.hash, ''), journal.source_key, journal.kind, journal.bet, journal.at
FROM money.account
LEFT JOIN money.entry ON entry.account = account.account
LEFT JOIN money.journal ON journal.journal = entry.journal
ORDER BY account.account, entry.version
