-- A key that was not used never will be. $1 owner, $2 key, $3 when.
SELECT * FROM money.bury_key($1, $2, $3)
