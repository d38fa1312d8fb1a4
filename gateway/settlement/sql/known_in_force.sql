-- Which of these are among what is in force. An element each: $1 markets, $2 ids of the sayings.
SELECT said.market, said.saying FROM unnest($1::text [], $2::text []) AS said (market, saying)
INNER JOIN settlement.saying AS one ON one.market = said.market AND one.saying = said.saying
