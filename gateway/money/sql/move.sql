-- A deposit or a withdrawal, once for each key. $1 owner, $2 key, $3 fingerprint, $4 verb, $5 currency, $6 amount,
-- $7 source key, $8 when, $9 kinds and $10 amounts of the entries, $11 status and $12 bytes of the answer, $13 the decision
-- about the place and $14 until when it counts; null: nobody asked for one.
SELECT * FROM money.move($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
