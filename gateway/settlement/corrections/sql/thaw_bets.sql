-- Forgets a list that is not approved. $1 correction.
DELETE FROM correction.bet WHERE correction = $1
