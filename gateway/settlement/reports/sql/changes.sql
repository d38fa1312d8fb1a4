-- Steps from $1 on and before $2 that corrected a bet, voided it, or took its settlement back, in order. $3 behind this
-- time, $4 and bet, $5 and revision; $6 at most so many.
SELECT
    step.at, step.bet, bet.owner, coalesce(bet.location ->> 'jurisdiction', 'none') AS jurisdiction, step.market,
    bet.currency, step.revision, step.state_before, step.payout_before, step.state, step.payout,
    step.cash + step.receivable AS amount, step.waived, step.correction, job.reason, job.drafter, job.approver,
    job.drafted, job.approved
FROM settlement.step
INNER JOIN bets.bet ON bet.bet = step.bet
LEFT JOIN correction.job ON job.correction = step.correction
WHERE
    step.at >= $1 AND step.at < $2 AND (step.at, step.bet, step.revision) > ($3, $4, $5)
    AND (step.correction IS NOT NULL OR step.state = 'void' OR step.revision > 1)
ORDER BY step.at, step.bet, step.revision
LIMIT $6
