-- Users up to a place are done. $1 correction, $2 place.
UPDATE correction.job SET position = $2 WHERE correction = $1
