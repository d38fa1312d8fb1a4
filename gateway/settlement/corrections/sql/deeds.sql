-- Who did what to a job, in order. $1 correction.
SELECT at, who, what, detail FROM correction.deed WHERE correction = $1 ORDER BY deed
