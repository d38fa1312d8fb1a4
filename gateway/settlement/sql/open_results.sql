-- Rows for the results of markets that were never bet on. $1 markets, $2 their events.
INSERT INTO bets.result (market, event)
SELECT market, event FROM unnest($1::text [], $2::text []) AS said (market, event) ORDER BY market
ON CONFLICT DO NOTHING
