-- How many changes of markets are kept, and what their partitions take with indexes.
SELECT
    (SELECT count(*) FROM history.change) AS changes,
    (
        SELECT coalesce(sum(pg_total_relation_size(tree.relid)), 0)::bigint
        FROM pg_partition_tree('history.change') AS tree
    ) AS bytes
