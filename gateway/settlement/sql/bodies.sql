-- Results as they were said. $1 markets, $2 the saying of each.
SELECT saying.market, saying.body FROM unnest($1::text [], $2::text []) AS wanted (market, saying)
INNER JOIN settlement.saying ON saying.market = wanted.market AND saying.saying = wanted.saying
