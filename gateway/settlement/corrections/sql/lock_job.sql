-- A job, for who changes it. $1 its id.
SELECT
    correction, state, reason, operator, drafter, drafted, draft, undoes, outcomes, totals, encode(hash, 'hex') AS hash, second,
    approver, approved, recorded, marked, position, ended, fault, provided
FROM correction.job WHERE correction = $1 FOR UPDATE
