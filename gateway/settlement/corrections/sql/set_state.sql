-- $1 correction, $2 state, $3 when it ended, if it has, $4 why.
UPDATE correction.job SET state = $2, ended = $3, fault = $4 WHERE correction = $1
