-- What has committed since a snapshot, in the order of `position`: for one user that is the order of `seq`, as both are
-- given under the lock of the wallet. $1 the snapshot, $2 position of the last row that was read, $3 at most so many.
-- Always a row that says the present snapshot, without news where there is none.
WITH committed AS MATERIALIZED (
    SELECT outbox.position, outbox.owner, outbox.seq, outbox.at, outbox.kind, outbox.data FROM money.outbox
    WHERE outbox.xid >= pg_snapshot_xmax($1::text::pg_snapshot)
    UNION ALL
    SELECT outbox.position, outbox.owner, outbox.seq, outbox.at, outbox.kind, outbox.data FROM money.outbox
    WHERE outbox.xid = ANY(ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
)
SELECT
    pg_current_snapshot()::text AS snapshot,
    news.position, news.owner, news.seq, news.at, news.kind, news.data, news.currency
FROM (VALUES (1)) AS one (n)
LEFT JOIN LATERAL (
    SELECT
        committed.*,
        (SELECT wallet.currency FROM money.wallet WHERE wallet.owner = committed.owner) AS currency
    FROM committed
    WHERE committed.position > $2
    ORDER BY committed.position
    LIMIT $3
) AS news ON TRUE
