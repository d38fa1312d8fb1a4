-- A form of each of these markets. $1 keys of markets.
SELECT asked.market, form.body FROM unnest($1::bigint []) AS asked (market)
CROSS JOIN LATERAL (SELECT body FROM history.form WHERE form.market = asked.market LIMIT 1) AS form
