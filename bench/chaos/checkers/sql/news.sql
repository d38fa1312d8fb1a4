-- Everything that an account was to be told.
SELECT seq, kind, data::text FROM money.outbox WHERE owner = $1 ORDER BY seq
