-- A job goes back to being a draft: its impact is none any more. $1 correction, $2 why.
UPDATE correction.job
SET
    state = 'drafted', outcomes = NULL, totals = NULL, hash = NULL, second = TRUE, approver = NULL, approved = NULL,
    marked = 0, position = 0, fault = $2
WHERE correction = $1
