-- Checks, each a row of arrays in the order of record.py; and of each account the receipt that stands from now on, where
-- $16 says that the check tells. Of two of one account at once the later stands, and accounts are locked in their order.
WITH checked AS (
    SELECT *
    FROM unnest(
        $1::uuid [], $2::text [], $3::timestamptz [], $4::text [], $5::text [], $6::bytea [], $7::text [],
        $8::double precision [], $9::double precision [], $10::real [], $11::real [], $12::text [], $13::text [],
        $14::timestamptz [], $15::timestamptz [], $16::boolean []
    ) WITH ORDINALITY AS rows (
        id, account, at, outcome, network, token_hash, jurisdiction, lat, lon, accuracy_m, border_m, boundaries, rules,
        fixed, expires, tells, number
    )
),

written AS (
    INSERT INTO location.decision (
        id, kind, receipt, account, at, outcome, network, token_hash, jurisdiction, lat, lon, accuracy_m, border_m,
        boundaries, rules, fixed, expires
    )
    SELECT
        id, 'check', CASE WHEN expires IS NOT NULL THEN id END, account, at, outcome, network, token_hash, jurisdiction,
        lat, lon, accuracy_m, border_m, boundaries, rules, fixed, expires
    FROM checked
)

INSERT INTO location.standing (account, receipt, checked, expires)
SELECT account, receipt, at, expires
FROM (
    SELECT DISTINCT ON (account) account, CASE WHEN expires IS NOT NULL THEN id END AS receipt, at, expires
    FROM checked
    WHERE tells
    ORDER BY account ASC, at DESC, number DESC
) AS latest
ON CONFLICT (account) DO UPDATE
SET receipt = excluded.receipt, checked = excluded.checked, expires = excluded.expires
WHERE standing.checked <= excluded.checked
