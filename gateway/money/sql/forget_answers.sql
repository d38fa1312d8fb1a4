-- Lets go of stored answers. $1 those made before, $2 at most so many.
UPDATE money.key SET answer = NULL
WHERE (owner, client_key) IN (
    SELECT owner, client_key FROM money.key
    WHERE answer IS NOT NULL AND made < $1 ORDER BY made LIMIT $2 FOR UPDATE SKIP LOCKED
)
