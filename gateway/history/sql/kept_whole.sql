-- Whether every change of a market is kept. $1 market key.
SELECT NOT EXISTS (SELECT 1 FROM history.day WHERE dropped IS NOT NULL AND day >= known.first_ts_log::date) AS whole
FROM history.market AS known
WHERE known.market = $1
