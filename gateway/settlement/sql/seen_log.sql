-- Whether another log of results than this one was read before. $1 when this one was made.
WITH
kept AS (INSERT INTO settlement.log (created) VALUES ($1) ON CONFLICT DO NOTHING RETURNING created)
SELECT EXISTS (SELECT FROM kept) AND EXISTS (SELECT FROM settlement.log)
