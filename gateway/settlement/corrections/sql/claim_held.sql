-- What is held is in a job. $1 correction; an element each: $2 markets, $3 ids of the sayings.
UPDATE settlement.held SET correction = $1
FROM unnest($2::text [], $3::text []) AS said (market, saying)
WHERE held.market = said.market AND held.saying = said.saying
