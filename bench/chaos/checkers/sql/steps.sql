-- R3, R4, R5, R7 where they do not hold: rule, where, what.
SELECT 'R3' AS rule, step.bet AS place, 'step ' || step.revision || ' follows ' || step.before AS what
FROM (
    SELECT bet, revision, lag(revision, 1, 0) OVER (PARTITION BY bet ORDER BY revision) AS before
    FROM settlement.step
) AS step
WHERE step.revision <> step.before + 1
UNION ALL
SELECT 'R4', step.bet || ' ' || step.market, 'result ' || step.market_revision || ' was applied after ' || step.before
FROM (
    SELECT
        bet, market, market_revision,
        max(market_revision) OVER (
            PARTITION BY bet, market ORDER BY revision ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
    FROM settlement.step
) AS step
WHERE step.market_revision < step.before
UNION ALL
SELECT 'R7', bet.bet, 'is ' || bet.state || coalesce(' ' || bet.payout, '') || ', its last step says ' || last.state
|| coalesce(' ' || last.payout, '')
FROM bets.bet
INNER JOIN settlement.step AS last ON last.bet = bet.bet AND last.revision = bet.revision
WHERE bet.state <> 'cashed_out' AND (bet.state, bet.payout) IS DISTINCT FROM (last.state, last.payout)
UNION ALL
SELECT 'R5', job.correction, 'its bets sum to ' || told.amount || ', its users to ' || coalesce(users.amount, 0)
FROM correction.job
INNER JOIN (SELECT correction, sum(amount) AS amount FROM correction.bet GROUP BY correction) AS told USING (correction)
LEFT JOIN (SELECT correction, sum(amount) AS amount FROM correction.owner GROUP BY correction) AS users
USING (correction)
WHERE job.state = 'done' AND told.amount <> coalesce(users.amount, 0)
UNION ALL
SELECT 'R5', owner.correction, owner.owner || ' was told ' || count(outbox.seq) || ' times'
FROM correction.owner
INNER JOIN correction.job USING (correction)
LEFT JOIN money.outbox
ON outbox.owner = owner.owner AND outbox.kind = 'bet_corrected' AND outbox.data ->> 'correction' = owner.correction
WHERE job.state = 'done'
GROUP BY owner.correction, owner.owner HAVING count(outbox.seq) <> 1
