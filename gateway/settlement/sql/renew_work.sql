-- Work that is done but for bets that waited to be accepted: again, later. $1 markets, $2 their revisions, $3 holder, $4
-- after how long.
UPDATE settlement.work
SET after = '', waiting = FALSE, holder = NULL, held_until = '-infinity', due = clock_timestamp() + $4
FROM unnest($1::text [], $2::bigint []) AS done (market, revision)
WHERE work.market = done.market AND work.revision = done.revision AND work.holder = $3
