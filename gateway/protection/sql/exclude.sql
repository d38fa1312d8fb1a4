-- Excludes an account, never for a shorter time than stands; gives when it ends. $1 owner, $2 kind, $3 until when or null
-- for ever, $4 by whom, $5 when.
SELECT protection.exclude($1, $2, $3, $4, $5)
