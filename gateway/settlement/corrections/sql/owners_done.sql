-- What came of users, whose wallets are locked, and that they are told now. $1 correction, $2 when; an element each: $3
-- users, $4 and $5 cash before and after, $6 and $7 receivable, $8 waived.
UPDATE correction.owner
SET
    done = $2, cash_before = came.cash_before, cash_after = came.cash_after,
    receivable_before = came.receivable_before, receivable_after = came.receivable_after, waived = came.waived
FROM unnest($3::text [], $4::bigint [], $5::bigint [], $6::bigint [], $7::bigint [], $8::bigint [])
    AS came (owner, cash_before, cash_after, receivable_before, receivable_after, waived)
WHERE owner.correction = $1 AND owner.owner = came.owner
