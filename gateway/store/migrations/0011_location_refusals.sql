-- Uses of a receipt that were refused leave a row, too: for a rule of the state, or because the receipt was not its
-- bearer's, not from there, or over. Such a row has no subject, for nothing was done; `market` and `rule` say what was
-- asked for, and which rule speaks against it, where one does.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE location.decision ADD COLUMN market text;
ALTER TABLE location.decision ADD COLUMN rule text;

-- Another takes its place at once. Rows so far have passed this one, which asks for more: they need no second look.
-- squawk-ignore ban-drop-constraint
ALTER TABLE location.decision DROP CONSTRAINT decision_check;
ALTER TABLE location.decision ADD CONSTRAINT decision_subject CHECK (
    (subject IS NOT NULL) = (kind <> 'check' AND outcome = 'accepted')
) NOT VALID;
