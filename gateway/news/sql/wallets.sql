-- Wallets of users and what their accounts hold. $1 owners.
SELECT
    wallet.owner,
    wallet.currency,
    wallet.seq,
    sum(account.balance) FILTER (WHERE account.kind = 'user:cash')::bigint AS cash,
    sum(account.balance) FILTER (WHERE account.kind = 'user:open_stakes')::bigint AS open_stakes,
    sum(account.balance) FILTER (WHERE account.kind = 'user:receivable')::bigint AS receivable
FROM money.wallet
INNER JOIN money.account ON account.owner = wallet.owner
WHERE wallet.owner = ANY($1)
GROUP BY wallet.owner
