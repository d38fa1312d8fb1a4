-- Work that is done. $1 markets, $2 their revisions, $3 holder.
DELETE FROM settlement.work
USING unnest($1::text [], $2::bigint []) AS done (market, revision)
WHERE work.market = done.market AND work.revision = done.revision AND work.holder = $3
