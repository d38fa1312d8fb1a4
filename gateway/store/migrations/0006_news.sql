-- Account news: how the outbox is read. Owned by gateway/news.
--
-- Rows become visible in the order of commits, which is not that of `position`: who follows positions misses whoever
-- commits late. `xid` is the transaction of a row, so that a reader can ask for exactly what has committed since a
-- snapshot it took before: what began after it, and what was running then. Rows from before this migration have none;
-- they were told, or are read by `seq`.
--
-- Indexes are built while nobody writes: migrations run before the version that needs them, in one transaction.
--
-- No trigger notifies: transactions that NOTIFY commit one after the other, each waiting for the other's disk.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE money.outbox ADD COLUMN xid xid8;
ALTER TABLE money.outbox ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX outbox_xid ON money.outbox (xid);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX bet_running ON bets.bet (owner, placed DESC)
WHERE state IN ('pending_acceptance', 'accepted', 'under_review');
