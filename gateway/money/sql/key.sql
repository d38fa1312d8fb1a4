-- What a key was used for. $1 owner, $2 key.
SELECT 'known' AS outcome, verb, fingerprint, subject, status, answer FROM money.key
WHERE owner = $1 AND client_key = $2
