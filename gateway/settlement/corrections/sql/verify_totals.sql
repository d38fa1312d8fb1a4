-- Sums of a frozen list by currency, to be held against its totals. $1 correction.
SELECT
    owner.currency,
    count(*), count(DISTINCT owner.owner),
    coalesce(sum(frozen.amount) FILTER (WHERE frozen.amount > 0), 0)::bigint,
    coalesce(-sum(frozen.amount) FILTER (WHERE frozen.amount < 0), 0)::bigint,
    sum(frozen.waived)::bigint
FROM correction.bet AS frozen
INNER JOIN correction.owner ON owner.correction = frozen.correction AND owner.owner = frozen.owner
WHERE frozen.correction = $1
GROUP BY owner.currency
