-- Whether another log of results than this one was read before, and up to where this one was. $1 when it was made.
WITH
kept AS (INSERT INTO settlement.log (created) VALUES ($1) ON CONFLICT DO NOTHING RETURNING created)
SELECT
    EXISTS (SELECT FROM kept) AND EXISTS (SELECT FROM settlement.log),
    coalesce((SELECT s FROM settlement.log WHERE created = $1), 0)
