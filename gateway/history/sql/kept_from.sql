-- The first moment of which every change is kept.
SELECT coalesce((max(day) + 1)::timestamp AT TIME ZONE 'UTC', '0001-01-01 00:00:00+00') AS at
FROM history.day
WHERE dropped IS NOT NULL
