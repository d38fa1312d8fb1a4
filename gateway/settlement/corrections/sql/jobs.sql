-- Jobs, the newest first. $1 in this state, or any where null; $2 at most so many.
SELECT
    correction, state, reason, operator, drafter, drafted, draft, undoes, outcomes, totals, encode(hash, 'hex') AS hash, second,
    approver, approved, recorded, marked, position, ended, fault, provided
FROM correction.job WHERE $1::text IS NULL OR state = $1 ORDER BY drafted DESC, correction DESC LIMIT $2
