-- Corrections: settlement again, as a job that somebody drafts, somebody else approves, and that moves each balance once.
-- Owned by gateway/settlement/corrections; the rules of who may and of what follows what stand here.
--
-- A job's list is frozen: rows of `correction.bet` and `correction.owner` are written with its impact, in one
-- transaction, and never change but for what applying them came to. `correction.deed` is who did what, for ever.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA correction;

-- A correction has this bet under way: neither cash-out nor settlement touch it.
ALTER TABLE bets.bet ADD COLUMN IF NOT EXISTS under_review boolean NOT NULL DEFAULT FALSE;

-- Bets with their legs, as they are told: as in 0004, and under review while a correction runs.
CREATE OR REPLACE VIEW bets.told AS
SELECT
    bet.bet, bet.client_key, bet.type, bet.stake, bet.currency, bet.potential_payout, bet.payout,
    CASE WHEN bet.under_review THEN 'under_review' ELSE bet.state END AS state, bet.reason,
    bet.revision, bet.placed, bet.location, bet.owner,
    (
        SELECT json_agg(json_build_array(
            leg.event, leg.market, leg.selection, leg.milli, leg.s, leg.policy, leg.asked
        ) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = bet.bet
    ) AS legs,
    bet.cashed_stake, bet.cashed_out
FROM bets.bet;

-- `draft`: what it says of which markets, JSON; `outcomes`: what they come to by it, and came to before. `totals`, `hash`:
-- of the frozen list. `second`: another person than the drafter has to approve. `position`: the last place that is
-- done, `marked` of those under review; `undoes`: the job that this one takes back. `fault`: why it is where it is.
CREATE TABLE correction.job (
    correction text PRIMARY KEY CHECK (correction ~ '^[A-Za-z0-9_-]{1,64}$'),
    state text NOT NULL DEFAULT 'drafted' CHECK (
        state IN ('drafted', 'computed', 'approved', 'applying', 'verifying', 'done', 'aborted')
    ),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    operator text NOT NULL,
    drafter text NOT NULL CHECK (drafter <> ''),
    drafted timestamptz NOT NULL,
    draft text NOT NULL,
    undoes text REFERENCES correction.job (correction),
    outcomes text,
    totals jsonb,
    hash bytea,
    second boolean NOT NULL DEFAULT TRUE,
    approver text,
    approved timestamptz,
    recorded boolean NOT NULL DEFAULT FALSE,
    marked bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0,
    ended timestamptz,
    fault text,
    CONSTRAINT job_has_impact CHECK (
        state IN ('drafted', 'aborted') OR (outcomes IS NOT NULL AND totals IS NOT NULL AND hash IS NOT NULL)
    ),
    CONSTRAINT job_is_approved CHECK (
        state NOT IN ('approved', 'applying', 'verifying', 'done') OR (approver IS NOT NULL AND approved IS NOT NULL)
    ),
    CONSTRAINT job_approved_by_another CHECK (approver IS NULL OR NOT second OR approver <> drafter)
);
-- What is not over has these markets to itself.
CREATE TABLE correction.market (
    correction text NOT NULL REFERENCES correction.job (correction),
    market text NOT NULL,
    event text NOT NULL,
    type text NOT NULL,
    open boolean NOT NULL DEFAULT TRUE,
    PRIMARY KEY (correction, market)
);
CREATE UNIQUE INDEX market_has_one_job ON correction.market (market) WHERE open;

-- What becomes of each bet: `delta` is what the user's side of it changes by, of which the user gets or gives `amount`
-- and the house bears `waived`. `owed`: what is not there is owed, else the house bears that, too.
CREATE TABLE correction.bet (
    correction text NOT NULL REFERENCES correction.job (correction),
    place bigint NOT NULL,
    bet text NOT NULL,
    owner text NOT NULL,
    market text NOT NULL,
    revision integer NOT NULL,
    stake bigint NOT NULL,
    state_before text NOT NULL,
    payout_before bigint,
    state text NOT NULL,
    payout bigint,
    delta bigint NOT NULL,
    amount bigint NOT NULL,
    waived bigint NOT NULL,
    owed boolean NOT NULL,
    policy text NOT NULL,
    jurisdiction text NOT NULL,
    PRIMARY KEY (correction, bet),
    CONSTRAINT bet_adds_up CHECK (delta = amount - waived)
);
CREATE INDEX bet_place ON correction.bet (correction, place, bet);
CREATE INDEX bet_bet ON correction.bet (bet);

-- Each user once, in the order in which they are done: credits first. Before and after as the impact expected it, then
-- as it came. A row that is `done` is the one notice of this user: nobody is told twice.
CREATE TABLE correction.owner (
    correction text NOT NULL REFERENCES correction.job (correction),
    owner text NOT NULL,
    place bigint NOT NULL,
    currency text NOT NULL,
    bets integer NOT NULL,
    amount bigint NOT NULL,
    cash_expected bigint NOT NULL,
    done timestamptz,
    cash_before bigint,
    cash_after bigint,
    receivable_before bigint,
    receivable_after bigint,
    waived bigint,
    PRIMARY KEY (correction, owner),
    UNIQUE (correction, place)
);

CREATE TABLE correction.deed (
    deed bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    correction text NOT NULL REFERENCES correction.job (correction),
    at timestamptz NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX deed_correction ON correction.deed (correction, deed);

CREATE FUNCTION correction.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: what a correction was approved as stays', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION correction.follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.state <> new.state AND (old.state || ' ' || new.state) NOT IN (
        'drafted computed', 'computed drafted', 'computed approved', 'approved drafted', 'approved applying',
        'applying drafted', 'applying verifying', 'verifying done',
        'drafted aborted', 'computed aborted', 'approved aborted', 'applying aborted'
    ) THEN
        RAISE EXCEPTION 'a correction that is % does not become %', old.state, new.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF old.state = 'applying' AND new.state = 'drafted' AND old.recorded THEN
        RAISE EXCEPTION 'correction % is in force', old.correction USING ERRCODE = 'check_violation';
    END IF;
    IF (old.correction, old.draft, old.drafter, old.reason, old.operator, old.drafted, old.undoes)
    IS DISTINCT FROM (new.correction, new.draft, new.drafter, new.reason, new.operator, new.drafted, new.undoes)
    OR (
        old.state NOT IN ('drafted', 'computed') AND new.state <> 'drafted'
        AND (old.hash, old.totals, old.outcomes, old.second, old.approver)
        IS DISTINCT FROM (new.hash, new.totals, new.outcomes, new.second, new.approver)
    ) THEN
        RAISE EXCEPTION 'correction % is not what was drafted and approved', old.correction
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN new;
END
$$;

-- A frozen list goes only where its job goes back to being a draft.
CREATE FUNCTION correction.check_thaw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM correction.job WHERE correction = old.correction AND state = 'drafted';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the list of correction % is frozen', old.correction USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN old;
END
$$;

CREATE TRIGGER job_follows BEFORE UPDATE ON correction.job FOR EACH ROW EXECUTE FUNCTION correction.follows();
CREATE TRIGGER job_stays BEFORE DELETE OR TRUNCATE ON correction.job
FOR EACH STATEMENT EXECUTE FUNCTION correction.refuse();
CREATE TRIGGER deed_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON correction.deed
FOR EACH STATEMENT EXECUTE FUNCTION correction.refuse();
CREATE TRIGGER bet_frozen BEFORE UPDATE OR TRUNCATE ON correction.bet
FOR EACH STATEMENT EXECUTE FUNCTION correction.refuse();
CREATE TRIGGER bet_thaws BEFORE DELETE ON correction.bet FOR EACH ROW EXECUTE FUNCTION correction.check_thaw();
CREATE TRIGGER owner_thaws BEFORE DELETE ON correction.owner FOR EACH ROW EXECUTE FUNCTION correction.check_thaw();
CREATE TRIGGER owner_done_once BEFORE UPDATE ON correction.owner FOR EACH ROW
WHEN (
    old.done IS NOT NULL OR new.done IS NULL
    OR (old.correction, old.owner, old.place, old.currency, old.bets, old.amount, old.cash_expected)
    IS DISTINCT FROM (new.correction, new.owner, new.place, new.currency, new.bets, new.amount, new.cash_expected)
) EXECUTE FUNCTION correction.refuse();
CREATE TRIGGER owner_stays BEFORE TRUNCATE ON correction.owner
FOR EACH STATEMENT EXECUTE FUNCTION correction.refuse();
