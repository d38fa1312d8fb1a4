-- Sets a limit, lower at once, higher later. $1 owner, $2 kind, $3 period, $4 currency, $5 amount or null for none, $6 by
-- whom, $7 when, $8 how long what is higher waits.
SELECT protection.set_limit($1, $2, $3, $4, $5, $6, $7, $8)
