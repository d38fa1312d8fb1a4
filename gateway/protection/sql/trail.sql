-- The newest changes of an account's protection. $1 owner, $2 at most so many.
SELECT at, by, what, said FROM protection.trail WHERE owner = $1 ORDER BY number DESC LIMIT $2
