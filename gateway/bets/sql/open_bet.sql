-- A bet as it may be cashed out. $1 owner, $2 bet.
SELECT
    struck.state, coalesce(to_jsonb(struck) ->> 'under_review' = 'true', FALSE), struck.type, struck.currency,
    struck.stake - struck.cashed_stake, coalesce(hold.turn, 0),
    EXISTS (
        SELECT FROM bets.leg INNER JOIN bets.result ON result.market = leg.market
        WHERE leg.bet = struck.bet AND result.revision > 0
        AND to_jsonb(result) ->> 'taken_back' IS DISTINCT FROM 'true'  -- 0009
    ),
    (
        SELECT json_agg(json_build_array(leg.market, leg.selection, leg.milli) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = struck.bet
    )
FROM bets.bet AS struck
LEFT JOIN money.hold ON hold.bet = struck.bet AND hold.state = 'open'
WHERE struck.owner = $1 AND struck.bet = $2
