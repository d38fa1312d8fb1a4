-- Every bet with its legs, and what its journals moved for its owner and put on hold; whether a market of it is not
-- settled yet.
SELECT
    bet.bet, bet.owner, bet.state, bet.payout, bet.stake, bet.cashed_stake, bet.cashed_out, bet.revision,
    (extract(EPOCH FROM bet.placed) * 1000)::bigint AS placed_ms,
    coalesce(moved.users, 0)::bigint AS users, coalesce(moved.held, 0)::bigint AS held,
    coalesce(steps.number, 0) AS steps, coalesce(steps.waived, 0)::bigint AS waived,
    legs.legs,
    EXISTS (SELECT FROM bets.leg INNER JOIN settlement.work USING (market) WHERE leg.bet = bet.bet) AS busy
FROM bets.bet
INNER JOIN (
    SELECT leg.bet, json_agg(json_build_array(leg.market, leg.selection, leg.milli, leg.event, leg.s))::text AS legs
    FROM bets.leg GROUP BY leg.bet
) AS legs USING (bet)
LEFT JOIN (
    SELECT
        journal.bet,
        sum(entry.amount) FILTER (WHERE account.kind LIKE 'user:%') AS users,
        sum(entry.amount) FILTER (WHERE account.kind = 'user:open_stakes') AS held
    FROM money.journal INNER JOIN money.entry USING (journal) INNER JOIN money.account USING (account)
    WHERE journal.bet IS NOT NULL GROUP BY journal.bet
) AS moved USING (bet)
LEFT JOIN (
    SELECT step.bet, count(*) AS number, sum(step.waived) AS waived FROM settlement.step GROUP BY step.bet
) AS steps USING (bet)
