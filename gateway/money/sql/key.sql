-- What a key was used for, once whatever is under way for its owner has ended. $1 owner, $2 key.
SELECT * FROM money.settled_key($1, $2)
