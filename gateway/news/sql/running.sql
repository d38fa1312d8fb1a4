-- Running bets of users with their legs, the newest of each first. $1 owners, $2 at most so many of each.
SELECT
    running.owner, told.bet, told.client_key, told.type, told.stake, told.currency, told.potential_payout, told.payout,
    told.state, told.reason, told.revision, told.placed, told.location, told.legs,
    told.cashed_stake, told.cashed_out
FROM unnest($1::text []) AS asked (owner)
CROSS JOIN LATERAL (
    SELECT bet.owner, bet.bet, bet.placed FROM bets.bet
    WHERE bet.owner = asked.owner AND bet.state IN ('pending_acceptance', 'accepted', 'under_review')
    ORDER BY bet.placed DESC LIMIT $2
) AS running
CROSS JOIN LATERAL (SELECT * FROM bets.told WHERE told.owner = running.owner AND told.bet = running.bet) AS told
ORDER BY running.owner, running.placed DESC
