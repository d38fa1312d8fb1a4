-- Every journal with every entry of it, by journal.
SELECT journal.journal, journal.source_key, journal.entries, entry.place, account.currency, coalesce(entry.amount, 0)
FROM money.journal
LEFT JOIN money.entry ON entry.journal = journal.journal
LEFT JOIN money.account ON account.account = entry.account
ORDER BY journal.journal, entry.place
