-- What it says is in force. $1 correction.
UPDATE correction.job SET recorded = TRUE WHERE correction = $1
