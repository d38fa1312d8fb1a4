-- Work for the settlers: markets that somebody bet on, from the beginning. $1 markets, $2 revisions, $3 when.
INSERT INTO settlement.work (market, revision, recorded, due)
SELECT market, revision, $3, $3 FROM unnest($1::text [], $2::bigint []) AS now (market, revision)
WHERE EXISTS (SELECT FROM bets.leg WHERE leg.market = now.market)
ORDER BY market
ON CONFLICT (market) DO UPDATE
SET
    revision = excluded.revision, recorded = excluded.recorded, due = excluded.due,
    after = '', waiting = FALSE, holder = NULL, held_until = '-infinity'
