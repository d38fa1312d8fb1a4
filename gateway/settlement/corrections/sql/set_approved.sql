-- $1 correction, $2 by whom, $3 when.
UPDATE correction.job SET state = 'approved', approver = $2, approved = $3 WHERE correction = $1
