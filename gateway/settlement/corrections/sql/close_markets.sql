-- A job needs its markets no more. $1 correction.
UPDATE correction.market SET open = FALSE WHERE correction = $1 AND open
