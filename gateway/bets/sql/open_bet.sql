-- A bet as it may be cashed out. $1 owner, $2 bet.
SELECT
    bet.state, coalesce(to_jsonb(bet) ->> 'under_review' = 'true', FALSE), bet.type, bet.currency,
    bet.stake - bet.cashed_stake, coalesce(hold.turn, 0),
    EXISTS (
        SELECT FROM bets.leg INNER JOIN bets.result ON result.market = leg.market
        WHERE leg.bet = bet.bet AND result.revision > 0
    ),
    (
        SELECT json_agg(json_build_array(leg.market, leg.selection, leg.milli) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = bet.bet
    )
FROM bets.bet
LEFT JOIN money.hold ON hold.bet = bet.bet AND hold.state = 'open'
WHERE bet.owner = $1 AND bet.bet = $2
