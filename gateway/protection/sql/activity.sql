-- What an account did in a time. $1 owner, $2 from, $3 until.
SELECT
    (SELECT currency FROM money.wallet WHERE owner = $1),
    moved.deposited, moved.withdrawn, placed.bets, placed.staked, placed.paid, placed.still_open
FROM (
    SELECT
        coalesce(sum(amount) FILTER (WHERE verb = 'deposit'), 0)::bigint AS deposited,
        coalesce(sum(amount) FILTER (WHERE verb = 'withdrawal'), 0)::bigint AS withdrawn
    FROM money.movement WHERE owner = $1 AND at > $2 AND at <= $3
) AS moved
CROSS JOIN (
    SELECT
        count(*) AS bets,
        coalesce(sum(stake), 0)::bigint AS staked,
        coalesce(sum(coalesce(payout, 0) + cashed_out), 0)::bigint AS paid,
        coalesce(sum(stake - cashed_stake) FILTER (
            WHERE state IN ('pending_acceptance', 'accepted', 'under_review')
        ), 0)::bigint AS still_open
    FROM bets.bet WHERE owner = $1 AND placed > $2 AND placed <= $3 AND state NOT IN ('refused', 'void')
) AS placed
