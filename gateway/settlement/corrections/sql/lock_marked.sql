-- Bets of a job, locked in order. $1 correction, $2 and $3 places, the first one excluded.
SELECT bet FROM bets.bet
WHERE bet IN (
    SELECT frozen.bet FROM correction.bet AS frozen
    WHERE frozen.correction = $1 AND frozen.place > $2 AND frozen.place <= $3
)
ORDER BY bet FOR UPDATE
