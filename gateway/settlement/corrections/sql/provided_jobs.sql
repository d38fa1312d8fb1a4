-- Jobs of what providers said that are not over, the oldest first. $1 at most so many.
SELECT
    correction, state, reason, operator, drafter, drafted, draft, undoes, outcomes, totals, encode(hash, 'hex') AS hash, second,
    approver, approved, recorded, marked, position, ended, fault, provided
FROM correction.job WHERE provided AND state NOT IN ('done', 'aborted') ORDER BY drafted, correction LIMIT $1
