-- Puts bets under review that still are what the impact found. $1 correction, $2 and $3 places, the first one excluded.
WITH
frozen AS (
    SELECT bet, revision, stake, state_before FROM correction.bet
    WHERE correction = $1 AND place > $2 AND place <= $3
),
locked AS (
    SELECT bet.bet FROM bets.bet WHERE bet.bet IN (SELECT frozen.bet FROM frozen) ORDER BY bet.bet FOR UPDATE
),
marked AS (
    UPDATE bets.bet SET under_review = TRUE
    FROM frozen
    WHERE
        bet.bet IN (SELECT locked.bet FROM locked) AND bet.bet = frozen.bet AND bet.revision = frozen.revision
        AND bet.state = frozen.state_before AND bet.stake - bet.cashed_stake = frozen.stake
    RETURNING bet.bet
)
SELECT (SELECT count(*) FROM frozen) - (SELECT count(*) FROM marked)
