-- What was decided about where somebody is. Owned by gateway/location. Rows are never changed.
--
-- A row is a check (`check`, outcome `accepted` or the code of the refusal) or the use of a receipt in the transaction of
-- what it was for. Coordinates are rounded to a hundredth of a degree; the exact ones are nowhere.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA location;

CREATE TABLE location.decision (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('check', 'bet', 'cash_out', 'deposit', 'withdrawal')),
    subject text,
    receipt uuid,
    account text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text NOT NULL,
    network text NOT NULL,
    token_hash bytea NOT NULL,
    jurisdiction text,
    lat numeric(4, 2),
    lon numeric(5, 2),
    accuracy_m real,
    border_m real,
    boundaries text,
    rules text,
    fixed timestamptz,
    expires timestamptz,
    CHECK ((kind = 'check') = (subject IS NULL)),
    CHECK (outcome <> 'accepted' OR (receipt IS NOT NULL AND jurisdiction IS NOT NULL AND border_m IS NOT NULL))
);

CREATE INDEX decision_by_account ON location.decision (account, at);
CREATE UNIQUE INDEX decision_of_subject ON location.decision (kind, subject) WHERE subject IS NOT NULL;

CREATE FUNCTION location.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decisions about locations are not changed' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER decision_stands BEFORE UPDATE OR DELETE ON location.decision
FOR EACH ROW EXECUTE FUNCTION location.refuse_change();

-- The one receipt of an account that counts; null where its last check found it in no good place.
CREATE TABLE location.standing (
    account text PRIMARY KEY,
    receipt uuid,
    checked timestamptz NOT NULL,
    expires timestamptz
);
