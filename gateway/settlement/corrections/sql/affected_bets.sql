-- Bets of users, as they stand, with what the house bore for each and when it was settled first. $1 users.
SELECT
    bet.bet, bet.owner, bet.currency, bet.stake - bet.cashed_stake, bet.potential_payout, bet.state, bet.payout,
    bet.revision, floor(extract(EPOCH FROM bet.placed) * 1000)::bigint,
    affected.market, coalesce(bet.location ->> 'jurisdiction', 'none'), bet.under_review, taken.waived, taken.settled,
    (
        SELECT json_agg(json_build_array(leg.market, leg.selection, leg.milli) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = bet.bet
    )
FROM affected
INNER JOIN bets.bet ON bet.bet = affected.bet
CROSS JOIN LATERAL (
    SELECT coalesce(sum(step.waived), 0)::bigint AS waived, min(step.at) AS settled
    FROM settlement.step WHERE step.bet = bet.bet
) AS taken
WHERE affected.owner = ANY($1)
ORDER BY affected.owner, affected.bet
