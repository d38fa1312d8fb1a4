-- B6: bets whose stake was put aside, or which were accepted, after a result of one of their markets had been committed
-- that no later change took back before. By the times of commits, which the server keeps.
WITH moments AS (
    SELECT journal.bet, pg_xact_commit_timestamp(journal.xmin) AS at, 'placed' AS what
    FROM money.journal WHERE journal.source_key = 'bet/' || journal.bet || '/hold/0'
    UNION ALL
    SELECT outbox.data ->> 'bet', pg_xact_commit_timestamp(outbox.xmin), 'accepted'
    FROM money.outbox WHERE outbox.kind = 'bet_accepted'
)
SELECT moments.bet, leg.market, moments.what, moments.at, said.at, said.outcome
FROM moments
INNER JOIN bets.leg ON leg.bet = moments.bet
CROSS JOIN LATERAL (
    SELECT change.outcome, pg_xact_commit_timestamp(change.xmin) AS at FROM settlement.change
    WHERE change.market = leg.market AND pg_xact_commit_timestamp(change.xmin) < moments.at
    ORDER BY change.revision DESC LIMIT 1
) AS said
