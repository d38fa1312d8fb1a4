-- Outcomes that are in force from now on. An element each: $1 markets, $2 revisions, $3 outcomes, $4 whether that is no
-- result. $5 when.
UPDATE bets.result
SET revision = now.revision, outcome = now.outcome, taken_back = now.taken_back, at = $5
FROM unnest($1::text [], $2::bigint [], $3::text [], $4::boolean []) AS now (market, revision, outcome, taken_back)
WHERE result.market = now.market
