-- How far a job is, and what it came to, by currency. $1 correction.
SELECT
    currency, count(*) AS users, count(done) AS users_done,
    coalesce(sum(cash_after - cash_before), 0)::bigint AS cash,
    coalesce(sum(receivable_after - receivable_before), 0)::bigint AS receivable,
    coalesce(sum(waived), 0)::bigint AS waived
FROM correction.owner WHERE correction = $1
GROUP BY currency ORDER BY currency
