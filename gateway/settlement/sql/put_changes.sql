-- Keeps outcomes that came into force. An element each: $1 markets, $2 revisions, $3 outcomes, $4 what was said. $5 when.
INSERT INTO settlement.change (market, revision, outcome, saying, at)
SELECT market, revision, outcome, saying, $5
FROM unnest($1::text [], $2::bigint [], $3::text [], $4::text []) AS now (market, revision, outcome, saying)
