-- What journals of bets moved from $1 on and before $2, by market (of parlays: `parlay`), jurisdiction and currency.
-- Amounts are as the accounts got them: what the house holds is above zero, what it paid below.
WITH
moved AS (
    SELECT
        journal.bet, account.currency,
        sum(entry.amount) FILTER (WHERE account.kind = 'user:open_stakes') AS holds,
        sum(entry.amount) FILTER (WHERE account.kind = 'user:cash') AS cash,
        sum(entry.amount) FILTER (WHERE account.kind = 'user:receivable') AS receivable,
        sum(entry.amount) FILTER (WHERE account.kind = 'house:stakes') AS stakes,
        sum(entry.amount) FILTER (WHERE account.kind = 'house:payouts') AS payouts,
        sum(entry.amount) FILTER (WHERE account.kind = 'house:corrections') AS waived
    FROM money.journal
    INNER JOIN money.entry ON entry.journal = journal.journal
    INNER JOIN money.account ON account.account = entry.account
    WHERE journal.at >= $1 AND journal.at < $2 AND journal.bet IS NOT NULL
    GROUP BY journal.bet, account.currency
),
corrected AS (
    SELECT bet, sum(cash + receivable) AS amount FROM settlement.step
    WHERE at >= $1 AND at < $2 AND correction IS NOT NULL
    GROUP BY bet
)
SELECT
    CASE bet.type WHEN 'parlay' THEN 'parlay' ELSE leg.market END AS market,
    coalesce(bet.location ->> 'jurisdiction', 'none') AS jurisdiction,
    moved.currency,
    count(*) FILTER (WHERE bet.placed >= $1 AND bet.placed < $2) AS bets_placed,
    coalesce(sum(bet.stake) FILTER (WHERE bet.placed >= $1 AND bet.placed < $2), 0)::bigint AS stakes_placed,
    coalesce(sum(moved.holds), 0)::bigint AS holds,
    coalesce(sum(moved.cash), 0)::bigint AS cash,
    coalesce(sum(moved.receivable), 0)::bigint AS receivable,
    coalesce(sum(moved.stakes), 0)::bigint AS stakes,
    coalesce(sum(moved.payouts), 0)::bigint AS payouts,
    coalesce(sum(corrected.amount), 0)::bigint AS corrections,
    coalesce(sum(moved.waived), 0)::bigint AS house_corrections,
    (
        coalesce(sum(moved.stakes), 0) + coalesce(sum(moved.payouts), 0) + coalesce(sum(moved.waived), 0)
    )::bigint AS house_position
FROM moved
INNER JOIN bets.bet ON bet.bet = moved.bet
INNER JOIN bets.leg ON leg.bet = bet.bet AND leg.place = 1
LEFT JOIN corrected ON corrected.bet = moved.bet
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
