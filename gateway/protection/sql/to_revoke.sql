-- Accounts whose tickets are still to be taken back, the oldest first. $1 at most so many.
SELECT owner FROM protection.exclusion WHERE revoked IS NULL ORDER BY since LIMIT $1
