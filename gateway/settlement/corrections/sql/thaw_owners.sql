-- Likewise its users. $1 correction.
DELETE FROM correction.owner WHERE correction = $1
