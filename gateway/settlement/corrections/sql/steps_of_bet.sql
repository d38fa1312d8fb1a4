-- Every step of a bet, with what its cash was, and the correction that it was of. $1 user, $2 bet.
SELECT
    step.revision, step.at, step.state_before, step.payout_before, step.state, step.payout, step.market,
    step.cash, step.receivable, step.waived, step.correction, job.reason, bet.currency
FROM bets.bet
INNER JOIN settlement.step ON step.bet = bet.bet
LEFT JOIN correction.job ON job.correction = step.correction
WHERE bet.owner = $1 AND bet.bet = $2
ORDER BY step.revision
