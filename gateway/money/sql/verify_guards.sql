-- The triggers on tables of `money` that work.
SELECT pg_class.relname, pg_trigger.tgname FROM pg_trigger
INNER JOIN pg_class ON pg_class.oid = pg_trigger.tgrelid
INNER JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
WHERE pg_namespace.nspname = 'money' AND NOT pg_trigger.tgisinternal AND pg_trigger.tgenabled IN ('O', 'A')
