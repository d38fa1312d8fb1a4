-- Accounts of users. $1 users.
SELECT owner, kind, account, balance FROM money.account WHERE owner = ANY($1)
