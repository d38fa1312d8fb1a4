-- Markets are the settlers' again, who look at each bet of them and find it settled. $1 correction.
UPDATE settlement.work
SET correction = NULL, after = '', waiting = FALSE, holder = NULL, held_until = '-infinity', due = clock_timestamp()
WHERE correction = $1
