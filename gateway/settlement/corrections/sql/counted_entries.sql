-- What journals of bets moved, entry by entry. Each row is found by an index, whatever is known of the tables. $1 bets.
SELECT journal.bet, (SELECT account.kind FROM money.account WHERE account.account = moved.account), moved.amount
FROM money.journal
CROSS JOIN LATERAL (
    SELECT entry.account, entry.amount FROM money.entry WHERE entry.journal = journal.journal OFFSET 0
) AS moved
WHERE journal.bet = ANY($1)
