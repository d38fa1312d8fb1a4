-- Bets with their steps. $1 bets.
SELECT
    bet.bet, bet.owner, bet.state, bet.payout, bet.revision, bet.stake, bet.cashed_stake, bet.cashed_out, bet.placed,
    (SELECT count(*)::integer FROM settlement.step WHERE step.bet = bet.bet) AS steps,
    (SELECT coalesce(sum(step.waived), 0)::bigint FROM settlement.step WHERE step.bet = bet.bet) AS waived,
    last.state AS last_state, last.payout AS last_payout
FROM bets.bet
LEFT JOIN settlement.step AS last ON last.bet = bet.bet AND last.revision = bet.revision
WHERE bet.bet = ANY($1)
