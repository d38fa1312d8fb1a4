-- The markets that a draft has to itself; gives those that it got. $1 correction; an element each: $2 markets, $3
-- events, $4 types.
INSERT INTO correction.market (correction, market, event, type)
SELECT $1, market, event, type
FROM unnest($2::text [], $3::text [], $4::text []) AS drafted (market, event, type)
ORDER BY market
ON CONFLICT DO NOTHING
RETURNING market
