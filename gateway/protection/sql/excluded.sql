-- The exclusion that ends last, as JSON; null: there is none. $1 owner.
SELECT protection.excluded($1, clock_timestamp())
