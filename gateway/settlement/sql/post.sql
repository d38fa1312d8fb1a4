-- Writes journals. $1 when; an element for each entry: $2 number of the journal, $3 its source key, $4 its kind, $5 the
-- bet, $6 account, $7 amount.
INSERT INTO money.posting (at, journals, source_keys, kinds, bets, accounts, amounts)
VALUES ($1, $2, $3, $4, $5, $6, $7)
