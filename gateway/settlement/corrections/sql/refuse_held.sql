-- What a job that was ended would have brought into force never is. $1 correction.
UPDATE settlement.held SET refused = TRUE WHERE correction = $1
