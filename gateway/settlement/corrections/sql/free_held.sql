-- What was held for a job waits for another one. $1 correction.
UPDATE settlement.held SET correction = NULL WHERE correction = $1
