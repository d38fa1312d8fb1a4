-- The use of a receipt: nothing unless it stands and is not over, by this clock. $4 is the decision, as it is recorded.
SELECT CASE WHEN location.stands($3, $4::jsonb) THEN location.used($1, $2, $3, $4::jsonb) IS NULL END AS used
