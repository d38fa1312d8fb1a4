-- What a job came to, from the ledger and the bets alone, to be held against its frozen list. $1 correction.
SELECT
    count(*) AS bets,
    count(*) FILTER (WHERE step.bet IS NULL) AS missing,
    count(*) FILTER (WHERE (step.state, step.payout) IS DISTINCT FROM (frozen.state, frozen.payout)) AS other,
    count(*) FILTER (WHERE frozen.delta <> step.cash + step.receivable - step.waived) AS uneven,
    count(*) FILTER (WHERE moved.users IS DISTINCT FROM step.cash + step.receivable) AS unledgered
FROM correction.bet AS frozen
LEFT JOIN settlement.step ON step.bet = frozen.bet AND step.correction = frozen.correction
LEFT JOIN LATERAL (
    SELECT coalesce(sum(entry.amount), 0)::bigint AS users
    FROM money.entry INNER JOIN money.account ON account.account = entry.account
    WHERE entry.journal = step.journal AND account.kind IN ('user:cash', 'user:receivable')
) AS moved ON TRUE
WHERE frozen.correction = $1
