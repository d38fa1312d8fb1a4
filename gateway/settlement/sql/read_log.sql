-- The log of results was read up to there. $1 when it was made, $2 the position.
UPDATE settlement.log SET s = $2 WHERE created = $1 AND s < $2
