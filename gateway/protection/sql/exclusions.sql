-- Exclusions of an account that stand at a time. $1 owner, $2 when.
SELECT kind, since, until FROM protection.exclusion
WHERE owner = $1 AND (until IS NULL OR until > $2)
ORDER BY kind
