-- A wallet and what its accounts hold. $1 owner.
SELECT
    wallet.currency,
    wallet.seq,
    sum(account.balance) FILTER (WHERE account.kind = 'user:cash')::bigint AS cash,
    sum(account.balance) FILTER (WHERE account.kind = 'user:open_stakes')::bigint AS open_stakes,
    sum(account.balance) FILTER (WHERE account.kind = 'user:receivable')::bigint AS receivable
FROM money.wallet
INNER JOIN money.account ON account.owner = wallet.owner
WHERE wallet.owner = $1
GROUP BY wallet.owner
