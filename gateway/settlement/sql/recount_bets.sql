-- Every bet with its legs, what its journals moved, its steps, and whether work on one of its markets is still to be
-- done. Money of the user is cash and receivable; of the house stakes and payouts.
SELECT
    bet.bet, bet.owner, bet.state, bet.payout, bet.revision, bet.stake, bet.cashed_stake, bet.cashed_out,
    bet.placed,
    moved.held, moved.users, moved.houses, moved.corrections,
    taken.steps, taken.last_state, taken.last_payout, taken.waived,
    (
        SELECT json_agg(json_build_array(leg.market, leg.selection, leg.milli) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = bet.bet
    ),
    EXISTS (SELECT FROM bets.leg INNER JOIN settlement.work USING (market) WHERE leg.bet = bet.bet)
FROM bets.bet
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'user:open_stakes'), 0)::bigint AS held,
        coalesce(
            sum(entry.amount) FILTER (WHERE account.kind IN ('user:cash', 'user:receivable')), 0
        )::bigint AS users,
        coalesce(
            sum(entry.amount) FILTER (WHERE account.kind IN ('house:stakes', 'house:payouts')), 0
        )::bigint AS houses,
        coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'house:corrections'), 0)::bigint AS corrections
    FROM money.journal
    INNER JOIN money.entry ON entry.journal = journal.journal
    INNER JOIN money.account ON account.account = entry.account
    WHERE journal.bet = bet.bet
) AS moved
CROSS JOIN LATERAL (
    SELECT
        count(*)::integer AS steps,
        (array_agg(step.state ORDER BY step.revision DESC))[1] AS last_state,
        (array_agg(step.payout ORDER BY step.revision DESC))[1] AS last_payout,
        coalesce(sum(step.waived), 0)::bigint AS waived
    FROM settlement.step WHERE step.bet = bet.bet
) AS taken
