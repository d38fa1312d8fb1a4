-- L1, L2, L4, L6, L7, R8 where they do not hold: rule, where, what. One snapshot.
SELECT 'L1' AS rule, account.currency AS place, 'all entries sum to ' || sum(entry.amount) AS what
FROM money.entry INNER JOIN money.account USING (account)
GROUP BY account.currency HAVING sum(entry.amount) <> 0
UNION ALL
SELECT 'L2', journal.source_key, 'its entries sum to ' || sum(entry.amount) || ' ' || account.currency
FROM money.journal INNER JOIN money.entry USING (journal) INNER JOIN money.account USING (account)
GROUP BY journal.source_key, account.currency HAVING sum(entry.amount) <> 0
UNION ALL
SELECT 'L2', journal.source_key, 'it has ' || count(entry.place) || ' of ' || journal.entries || ' entries'
FROM money.journal LEFT JOIN money.entry USING (journal)
GROUP BY journal.source_key, journal.entries HAVING count(entry.place) <> journal.entries
UNION ALL
SELECT 'L4', account.owner, 'cash is ' || account.balance
FROM money.account WHERE account.kind = 'user:cash' AND account.balance < 0
UNION ALL
SELECT 'R8', account.owner, 'cash was ' || entry.balance
FROM money.entry INNER JOIN money.account USING (account)
WHERE account.kind = 'user:cash' AND entry.balance < 0
UNION ALL
SELECT 'L4', account.owner, 'open stakes are ' || account.balance || ', open holds ' || coalesce(held.amount, 0)
FROM money.account
LEFT JOIN (
    SELECT owner, currency, sum(amount) AS amount FROM money.hold WHERE state = 'open' GROUP BY owner, currency
) AS held ON held.owner = account.owner AND held.currency = account.currency
WHERE account.kind = 'user:open_stakes' AND account.balance <> coalesce(held.amount, 0)
UNION ALL
SELECT 'L6', account.owner || ' ' || account.kind, 'balance is ' || account.balance || ', entries sum to '
|| coalesce(sum(entry.amount), 0)
FROM money.account LEFT JOIN money.entry USING (account)
GROUP BY account.account HAVING account.balance <> coalesce(sum(entry.amount), 0)
UNION ALL
SELECT 'L7', hold.bet, 'turn ' || hold.turn || ' is ' || hold.state || ' and has ' || count(journal.journal)
|| ' journals that resolve it'
FROM money.hold
LEFT JOIN money.journal ON journal.journal = hold.resolved
GROUP BY hold.bet, hold.turn HAVING count(journal.journal) <> (hold.state <> 'open')::integer
UNION ALL
SELECT 'L7', hold.bet, count(*) || ' holds are open' FROM money.hold
WHERE hold.state = 'open' GROUP BY hold.bet HAVING count(*) > 1
