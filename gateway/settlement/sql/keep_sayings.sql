-- Keeps what was said. An element each: $1 markets, $2 ids of the sayings, $3 events, $4 feeds, $5 kinds, $6 ts, $7
-- certainties, $8 and $9 from and to, $10 bodies, $11 lanes, $12 epochs, $13 s.
INSERT INTO settlement.saying (
    market, saying, event, feed, kind, ts, certainty, from_ms, to_ms, body, lane, epoch, s
)
SELECT * FROM unnest(
    $1::text [], $2::text [], $3::text [], $4::text [], $5::text [], $6::bigint [], $7::smallint [],
    $8::bigint [], $9::bigint [], $10::text [], $11::smallint [], $12::text [], $13::bigint []
)
