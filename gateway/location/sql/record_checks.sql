-- Checks and refused uses, each a row of arrays in the order of record.py; and of each account the receipt that stands
-- from now on, where $20 says that the check tells. Of two of one account at once the later stands, and accounts are
-- locked in their order. Which is later is said by workers' clocks: one that takes a receipt away does so although the
-- clock of who gave it is ahead by as much as clocks may be.
WITH checked AS (
    SELECT *
    FROM unnest(
        $1::uuid [], $2::text [], $3::uuid [], $4::text [], $5::timestamptz [], $6::text [], $7::text [], $8::bytea [],
        $9::text [], $10::double precision [], $11::double precision [], $12::real [], $13::real [], $14::text [],
        $15::text [], $16::timestamptz [], $17::timestamptz [], $18::text [], $19::text [], $20::boolean []
    ) WITH ORDINALITY AS rows (
        id, kind, receipt, account, at, outcome, network, token_hash, jurisdiction, lat, lon, accuracy_m, border_m,
        boundaries, rules, fixed, expires, market, rule, tells, number
    )
),

written AS (
    INSERT INTO location.decision (
        id, kind, receipt, account, at, outcome, network, token_hash, jurisdiction, lat, lon, accuracy_m, border_m,
        boundaries, rules, fixed, expires, market, rule
    )
    SELECT
        id, kind, receipt, account, at, outcome, network, token_hash, jurisdiction, lat, lon, accuracy_m, border_m,
        boundaries, rules, fixed, expires, market, rule
    FROM checked
)

INSERT INTO location.standing (account, receipt, checked, expires)
SELECT account, receipt, at, expires
FROM (
    SELECT DISTINCT ON (account) account, receipt, at, expires
    FROM checked
    WHERE tells
    ORDER BY account ASC, at DESC, number DESC
) AS latest
ON CONFLICT (account) DO UPDATE
SET receipt = excluded.receipt, checked = excluded.checked, expires = excluded.expires
WHERE standing.checked <= excluded.checked + CASE WHEN excluded.receipt IS NULL THEN interval '5 seconds' ELSE '0' END
