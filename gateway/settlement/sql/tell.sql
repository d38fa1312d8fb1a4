-- News for users whose wallets are locked. An element each: $1 owners, $2 kinds, $3 data. $4 when.
SELECT money.tell_all($1, $2, $3, $4)
