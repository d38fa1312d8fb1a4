-- News of users after a number each. $1 owners, $2 numbers, $3 at most so many of each. A row without news for a user of
-- whom there is none.
SELECT
    wallet.owner, wallet.seq AS newest, wallet.currency, news.seq, news.at, news.kind, news.data
FROM unnest($1::text [], $2::bigint []) AS asked (owner, after)
INNER JOIN money.wallet ON wallet.owner = asked.owner
LEFT JOIN LATERAL (
    SELECT outbox.seq, outbox.at, outbox.kind, outbox.data FROM money.outbox
    WHERE outbox.owner = asked.owner AND outbox.seq > asked.after AND outbox.seq <= wallet.seq
    ORDER BY outbox.seq LIMIT $3
) AS news ON TRUE
ORDER BY wallet.owner, news.seq
