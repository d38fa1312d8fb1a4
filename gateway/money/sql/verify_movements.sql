-- Deposits and withdrawals that are not what their journals say: journals without a movement, movements without a journal.
SELECT coalesce(moved.source_key, movement.source_key)
FROM (
    SELECT account.owner, journal.at, journal.source_key, journal.kind, entry.amount
    FROM money.journal
    INNER JOIN money.entry ON entry.journal = journal.journal
    INNER JOIN money.account ON account.account = entry.account
    WHERE journal.kind IN ('deposit', 'withdrawal') AND account.kind = 'user:cash'
) AS moved
FULL JOIN money.movement
    ON movement.source_key = moved.source_key AND movement.owner = moved.owner AND movement.at = moved.at
    AND movement.verb = moved.kind
    AND movement.amount = CASE moved.kind WHEN 'deposit' THEN moved.amount ELSE -moved.amount END
WHERE moved.source_key IS NULL OR movement.source_key IS NULL
