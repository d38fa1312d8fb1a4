-- About how many rows there are to be read: entries and journals twice, holds, bets.
SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class
WHERE oid IN ('money.entry'::regclass, 'money.journal'::regclass, 'money.hold'::regclass, 'bets.bet'::regclass)
