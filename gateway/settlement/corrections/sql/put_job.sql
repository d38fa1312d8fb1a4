-- A draft. $1 id, $2 reason, $3 operator, $4 drafter, $5 when, $6 what it says, $7 the job that it undoes, $8
-- whether settlers drafted it.
INSERT INTO correction.job (correction, reason, operator, drafter, drafted, draft, undoes, provided)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
RETURNING correction
