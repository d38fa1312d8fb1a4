-- One row of each table that only grows, to try what must be refused.
SELECT table_name, statement FROM (VALUES
    ('money.entry', 'UPDATE money.entry SET amount = amount + 1'),
    ('money.entry', 'DELETE FROM money.entry'),
    ('money.journal', 'UPDATE money.journal SET kind = ''x'''),
    ('money.journal', 'DELETE FROM money.journal'),
    ('money.account', 'UPDATE money.account SET balance = balance + 1'),
    ('money.account', 'DELETE FROM money.account'),
    ('money.hold', 'DELETE FROM money.hold'),
    ('money.key', 'DELETE FROM money.key'),
    ('money.outbox', 'UPDATE money.outbox SET seq = seq + 1'),
    ('money.outbox', 'DELETE FROM money.outbox'),
    ('bets.bet', 'DELETE FROM bets.bet'),
    ('bets.leg', 'DELETE FROM bets.leg'),
    ('location.decision', 'DELETE FROM location.decision'),
    ('settlement.step', 'DELETE FROM settlement.step')
) AS tried (table_name, statement)
