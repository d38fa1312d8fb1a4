-- Made-up changes for measuring, evenly over a span of time. $1 markets, $2 their forms, $3 first and $4 last number,
-- $5 begin, $6 step between two, $7 log, $8 every so many is of the first market.
INSERT INTO history.change (ts_log, market, form, s, ts, log, milli)
SELECT
    $5::timestamptz + (number - $3::bigint) * $6::interval,
    ($1::bigint [])[1 + place],
    ($2::bigint [])[1 + place],
    number,
    (extract(EPOCH FROM $5::timestamptz + (number - $3::bigint) * $6::interval) * 1000)::bigint,
    $7::smallint,
    ARRAY[1500 + (number * 31 % 1000)::integer, 2500 - (number * 31 % 1000)::integer]
FROM generate_series($3::bigint, $4::bigint) AS made (number)
CROSS JOIN LATERAL (
    SELECT CASE WHEN number % $8::bigint = 0 THEN 0 ELSE 1 + number * 7919 % (cardinality($1::bigint []) - 1) END AS place
) AS chosen
