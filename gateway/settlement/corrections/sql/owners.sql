-- Users of a job, in the order they are done in. $1 correction, $2 behind this place, $3 at most so many.
SELECT
    owner, place, currency, bets, amount, cash_expected, done, cash_before, cash_after, receivable_before,
    receivable_after, waived
FROM correction.owner WHERE correction = $1 AND place > $2 ORDER BY place LIMIT $3
