-- B1, B5, B8, L7, S8 where they do not hold, of the database alone: rule, where, what.
SELECT 'B1' AS rule, bet.owner || ' ' || bet.client_key AS place, count(*) || ' bets under one key' AS what
FROM bets.bet GROUP BY bet.owner, bet.client_key HAVING count(*) > 1
UNION ALL
SELECT 'B1', bet.bet, 'its key leads to ' || coalesce(key.verb || ' ' || key.subject, 'nothing')
FROM bets.bet LEFT JOIN money.key USING (owner, client_key)
WHERE key.subject IS DISTINCT FROM bet.bet OR key.verb <> 'bet'
UNION ALL
SELECT 'B8', key.owner || ' ' || key.client_key, 'a tombstone has a bet'
FROM money.key INNER JOIN bets.bet USING (owner, client_key) WHERE key.verb = 'tombstone'
UNION ALL
SELECT 'B5', bet.bet, 'no location stands with it'
FROM bets.bet
WHERE bet.state <> 'refused' AND NOT EXISTS (
    SELECT FROM location.decision
    WHERE decision.kind = 'bet' AND decision.subject = bet.bet AND decision.account = bet.owner
    AND decision.outcome = 'accepted' AND decision.expires >= decision.at AND decision.jurisdiction IS NOT NULL
)
UNION ALL
SELECT 'L7', bet.bet, 'is ' || bet.state || ' with ' || count(hold.bet) || ' open holds'
FROM bets.bet LEFT JOIN money.hold ON hold.bet = bet.bet AND hold.state = 'open'
GROUP BY bet.bet, bet.state
HAVING count(hold.bet) <> (bet.state IN ('pending_acceptance', 'accepted', 'under_review'))::integer
UNION ALL
SELECT 'B1', outbox.owner, 'number ' || outbox.seq || ' of its news is not dense'
FROM (
    SELECT owner, seq, row_number() OVER (PARTITION BY owner ORDER BY seq) AS place FROM money.outbox
) AS outbox
WHERE outbox.seq <> outbox.place
