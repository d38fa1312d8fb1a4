-- Which of these were said before, in force or held. An element each: $1 markets, $2 ids of the sayings.
SELECT said.market, said.saying FROM unnest($1::text [], $2::text []) AS said (market, saying)
WHERE
    EXISTS (SELECT FROM settlement.saying AS one WHERE one.market = said.market AND one.saying = said.saying)
    OR EXISTS (SELECT FROM settlement.held AS one WHERE one.market = said.market AND one.saying = said.saying)
