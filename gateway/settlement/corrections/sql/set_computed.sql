-- The impact of a draft. $1 correction, $2 outcomes, JSON, $3 totals, JSON, $4 hash, $5 whether a second person approves.
UPDATE correction.job
SET state = 'computed', outcomes = $2, totals = $3::jsonb, hash = $4, second = $5, marked = 0, position = 0, fault = NULL
WHERE correction = $1
