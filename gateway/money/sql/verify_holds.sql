-- Every hold by bet and turn, with what its two journals moved on the open stakes of its user.
SELECT
    hold.owner, hold.bet, hold.turn, hold.amount, hold.state, opened.moved, resolved.moved,
    CASE
        WHEN hold.turn = 0 THEN lag(hold.bet) OVER bets IS NULL
        ELSE lag(hold.turn) OVER bets = hold.turn - 1 AND lag(hold.resolved) OVER bets < hold.opened
    END,
    bet.state, lead(hold.turn) OVER bets IS NULL
FROM money.hold
LEFT JOIN bets.bet ON bet.bet = hold.bet
LEFT JOIN LATERAL (
    SELECT sum(entry.amount)::bigint AS moved FROM money.entry
    INNER JOIN money.account ON account.account = entry.account
    WHERE entry.journal = hold.opened AND account.owner = hold.owner AND account.kind = 'user:open_stakes'
) AS opened ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(entry.amount)::bigint AS moved FROM money.entry
    INNER JOIN money.account ON account.account = entry.account
    WHERE entry.journal = hold.resolved AND account.owner = hold.owner AND account.kind = 'user:open_stakes'
) AS resolved ON TRUE
WINDOW bets AS (PARTITION BY hold.bet ORDER BY hold.turn)
ORDER BY hold.bet, hold.turn
