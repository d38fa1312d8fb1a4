-- What was held is in force. An element each: $1 markets, $2 ids of the sayings.
DELETE FROM settlement.held USING unnest($1::text [], $2::text []) AS said (market, saying)
WHERE held.market = said.market AND held.saying = said.saying
