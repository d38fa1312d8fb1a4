-- The use of a receipt: nothing unless it stands and is not over, by this clock. The lock holds off a check that would
-- replace it until the transaction is over.
WITH standing AS (
    SELECT receipt
    FROM location.standing
    WHERE account = $5 AND receipt = $4 AND expires > clock_timestamp()
    FOR SHARE
)

INSERT INTO location.decision (
    id, kind, subject, receipt, account, outcome, network, token_hash, jurisdiction, lat, lon, accuracy_m, border_m,
    boundaries, rules, fixed, expires
)
SELECT
    $1::uuid, $2::text, $3::text, $4::uuid, $5::text, 'accepted', $6::text, $7::bytea, $8::text,
    $9::double precision, $10::double precision, $11::real, $12::real, $13::text, $14::text, $15::timestamptz,
    $16::timestamptz
FROM standing
RETURNING id
