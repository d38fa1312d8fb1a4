-- Takes bets out of review. $1 correction, $2 and $3 places, the first one excluded.
UPDATE bets.bet SET under_review = FALSE
WHERE bet IN (
    SELECT frozen.bet FROM correction.bet AS frozen
    WHERE frozen.correction = $1 AND frozen.place > $2 AND frozen.place <= $3
) AND under_review
