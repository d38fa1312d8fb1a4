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

-- Whether the decision that a bet comes with still stands, for as long as the transaction lasts: a check that would
-- replace it waits. A decision without a receipt is the development verifier's, which stands.
CREATE FUNCTION location.stands(p_account text, p_decision jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF p_decision ->> 'receipt' IS NULL THEN
        RETURN TRUE;
    END IF;
    PERFORM FROM location.standing
    WHERE account = p_account AND receipt = (p_decision ->> 'receipt')::uuid AND expires > clock_timestamp()
    FOR SHARE;
    RETURN FOUND;
END
$$;

-- A use of a receipt, as it is recorded in the transaction of what it was for.
CREATE FUNCTION location.used(p_kind text, p_subject text, p_account text, p_decision jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO location.decision (
        id, kind, subject, receipt, account, outcome, network, token_hash, jurisdiction, lat, lon, accuracy_m, border_m,
        boundaries, rules, fixed, expires
    )
    SELECT
        gen_random_uuid(), p_kind, p_subject, used.receipt, p_account, 'accepted', used.network,
        decode(used.token_hash, 'hex'), used.jurisdiction, used.lat, used.lon, used.accuracy_m, used.border_m,
        used.boundaries, used.rules, to_timestamp(used.fix_s), to_timestamp(used.expires_s)
    FROM jsonb_to_record(p_decision) AS used (
        receipt uuid, network text, token_hash text, jurisdiction text, lat double precision, lon double precision,
        accuracy_m real, border_m real, boundaries text, rules text, fix_s bigint, expires_s bigint
    )
$$;

CREATE FUNCTION location.bet_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM location.used('bet', new.bet, new.owner, new.location);
    RETURN NULL;
END
$$;

CREATE TRIGGER bet_located AFTER INSERT ON bets.bet
FOR EACH ROW WHEN (new.location ->> 'receipt' IS NOT NULL) EXECUTE FUNCTION location.bet_used();
