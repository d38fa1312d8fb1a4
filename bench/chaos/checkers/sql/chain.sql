-- Every entry in the order of its account's chain, with what its hash is made of.
SELECT
    entry.account, entry.version, entry.hash, entry.previous, entry.balance, entry.amount, entry.place,
    account.currency, account.version AS newest, account.hash AS last_hash,
    journal.source_key, journal.kind, coalesce(journal.bet, '') AS bet,
    (extract(EPOCH FROM journal.at) * 1000000)::bigint AS at_us
FROM money.entry
INNER JOIN money.account USING (account)
INNER JOIN money.journal USING (journal)
ORDER BY entry.account, entry.version
