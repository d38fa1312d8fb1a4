-- The tickets of an account were taken back. $1 owner, $2 when.
UPDATE protection.exclusion SET revoked = $2 WHERE owner = $1 AND revoked IS NULL
