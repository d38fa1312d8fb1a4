-- Bets of a user with their legs, the newest first. $1 owner, $2 and $3: time and id of the last one that was read, $4
-- at most so many.
SELECT
    bet.bet, bet.client_key, bet.type, bet.stake, bet.currency, bet.potential_payout, bet.payout, bet.state, bet.reason,
    bet.revision, bet.placed, bet.location,
    (
        SELECT json_agg(json_build_array(
            leg.event, leg.market, leg.selection, leg.milli, leg.s, leg.policy, leg.asked
        ) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = bet.bet
    ) AS legs
FROM bets.bet
WHERE bet.owner = $1 AND (bet.placed, bet.bet) < ($2, $3)
ORDER BY bet.placed DESC, bet.bet DESC
LIMIT $4
