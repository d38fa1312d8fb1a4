-- The present snapshot: what has committed, and what is running.
SELECT pg_current_snapshot()::text AS snapshot
