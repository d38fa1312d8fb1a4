-- A market and those it replaced and was replaced by, in order of their beginning. $1 id. A chain longer than a hundred
-- is cut.
WITH RECURSIVE later AS (
    SELECT market, id, replaced_by, replaces, first_ts_log, 0 AS step FROM history.market WHERE id = $1
    UNION
    SELECT next.market, next.id, next.replaced_by, next.replaces, next.first_ts_log, later.step + 1
    FROM later
    INNER JOIN history.market AS next ON next.id = later.replaced_by
    WHERE later.step < 100
),

earlier AS (
    SELECT market, id, replaced_by, replaces, first_ts_log, 0 AS step FROM history.market WHERE id = $1
    UNION
    SELECT prior.market, prior.id, prior.replaced_by, prior.replaces, prior.first_ts_log, earlier.step - 1
    FROM earlier
    INNER JOIN history.market AS prior ON prior.replaced_by = earlier.id
    WHERE earlier.step > -100
)

SELECT DISTINCT market, id, first_ts_log FROM (SELECT * FROM later UNION ALL SELECT * FROM earlier) AS chain
ORDER BY first_ts_log
