-- Settlement: what was said of results, what that comes to, and what each bet was paid for it. Owned by
-- gateway/settlement.
--
-- Sayings are kept as they came; what they come to (`bets.result.outcome`) is folded from all of them anew,
-- so that their order does not matter. Recording is a transaction of its own, which holds the market's result and
-- nothing else; what follows for bets is work, done in batches, each a transaction: wallets, bets, exposure, accounts.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA settlement;

-- What a partial cash-out took of a bet: so much less is at stake, and so much was paid for it.
ALTER TABLE bets.bet ADD COLUMN IF NOT EXISTS cashed_stake bigint NOT NULL DEFAULT 0;
ALTER TABLE bets.bet ADD COLUMN IF NOT EXISTS cashed_out bigint NOT NULL DEFAULT 0;

-- `outcome`: the result in force, as gateway/settlement/outcome.py writes it; null: none was ever in force.
-- `taken_back`: what was said leaves the market without a result; it may be bet on again where it is open.
ALTER TABLE bets.result ADD COLUMN outcome text;
ALTER TABLE bets.result ADD COLUMN taken_back boolean NOT NULL DEFAULT FALSE;

-- A migration is one transaction, so nothing here can be concurrent.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX leg_market_bet ON bets.leg (market, bet);
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX bets.leg_market;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX result_at ON bets.result (at, market) WHERE at IS NOT NULL;

-- What was said of a market that somebody bet on is kept for ever; of others it may be forgotten.
CREATE FUNCTION settlement.stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM bets.leg WHERE leg.market = old.market) THEN
        RAISE EXCEPTION 'market % was bet on: what was said of it stays', old.market
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN old;
END
$$;

-- One thing a feed, or the desk, said of a market. `body` is the result as on the bus; `epoch` and `s` the state of the
-- market that it rests on. `ts`: the provider's own time of it, Unix ms.
CREATE TABLE settlement.saying (
    market text NOT NULL,
    saying text NOT NULL,
    event text NOT NULL,
    feed text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('settled', 'rollback', 'cancelled', 'rollback_cancel')),
    ts bigint NOT NULL,
    certainty smallint NOT NULL CHECK (certainty IN (1, 2)),
    from_ms bigint,
    to_ms bigint,
    body text NOT NULL,
    lane smallint NOT NULL,
    epoch text NOT NULL,
    s bigint NOT NULL,
    received timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (market, saying)
);
CREATE TRIGGER saying_stays BEFORE UPDATE OR TRUNCATE ON settlement.saying
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();
CREATE TRIGGER saying_was_bet_on BEFORE DELETE ON settlement.saying
FOR EACH ROW EXECUTE FUNCTION settlement.stays();

-- Every outcome that was in force, by market and revision. `saying`: what came when it changed.
CREATE TABLE settlement.change (
    market text NOT NULL,
    revision bigint NOT NULL CHECK (revision > 0),
    outcome text NOT NULL,
    saying text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (market, revision)
);
CREATE TRIGGER change_stays BEFORE UPDATE OR TRUNCATE ON settlement.change
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();
CREATE TRIGGER change_was_bet_on BEFORE DELETE ON settlement.change
FOR EACH ROW EXECUTE FUNCTION settlement.stays();

-- Markets whose bets are still to be settled by `revision`; those up to `after` are. `holder` works on it until
-- `held_until`; nobody does before `due`. `correction`: not the settler's to do but a correction's.
CREATE TABLE settlement.work (
    market text PRIMARY KEY,
    revision bigint NOT NULL,
    recorded timestamptz NOT NULL,
    due timestamptz NOT NULL,
    after text NOT NULL DEFAULT '',
    waiting boolean NOT NULL DEFAULT FALSE,
    holder text,
    held_until timestamptz NOT NULL DEFAULT '-infinity',
    correction text
) WITH (fillfactor = 50);
CREATE INDEX work_due ON settlement.work (due) WHERE correction IS NULL;

-- Every step of a bet: what it was and came to, by which result. `cash` and `receivable` are what the user's accounts
-- got; `waived` is what the house bore instead of the user. `correction`: whose step it is, null: the settler's.
CREATE TABLE settlement.step (
    bet text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    market text NOT NULL,
    market_revision bigint NOT NULL,
    state_before text NOT NULL,
    payout_before bigint,
    state text NOT NULL,
    payout bigint,
    cash bigint NOT NULL,
    receivable bigint NOT NULL,
    waived bigint NOT NULL DEFAULT 0,
    journal bigint,
    correction text,
    at timestamptz NOT NULL,
    PRIMARY KEY (bet, revision)
);
CREATE INDEX step_market ON settlement.step (market, market_revision);
CREATE INDEX step_correction ON settlement.step (correction) WHERE correction IS NOT NULL;
CREATE TRIGGER step_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement.step
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

-- The log of results as it was read: one row for each stream there was. `s`: the last position that was read.
CREATE TABLE settlement.log (
    created text PRIMARY KEY,
    s bigint NOT NULL DEFAULT 0,
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whether a market has a result: one that was taken back is none.
CREATE OR REPLACE FUNCTION bets.lock_results(p_markets text [], p_events text []) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_locked bigint;
    v_resulted boolean;
BEGIN
    LOOP
        SELECT count(*), coalesce(bool_or(held.revision > 0 AND NOT held.taken_back), FALSE) INTO v_locked, v_resulted
        FROM (
            SELECT revision, taken_back FROM bets.result WHERE market = ANY(p_markets) ORDER BY market FOR SHARE
        ) AS held;
        EXIT WHEN v_locked = cardinality(p_markets);
        INSERT INTO bets.result (market, event)
        SELECT market, event FROM unnest(p_markets, p_events) AS leg (market, event) ORDER BY market
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN v_resulted;
END
$$;

-- Many journals at once. One at a time, each entry is a trigger, a look-up and an update of its account; here a whole
-- batch is one statement, in which each account is updated once. The rules are the same, and still the database's own:
-- whoever inserts into `posting` says nothing but which accounts change by how much. The row itself is not kept.
--
-- All arrays but `at` have an element for each entry; the entries of a journal stand together. `journals` numbers them.
CREATE TABLE money.posting (
    at timestamptz NOT NULL,
    journals integer [] NOT NULL,
    source_keys text [] NOT NULL,
    kinds text [] NOT NULL,
    bets text [] NOT NULL,
    accounts bigint [] NOT NULL,
    amounts bigint [] NOT NULL
);

CREATE FUNCTION money.chain_next(p_state bytea, p_first bytea, p_said text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN sha256(coalesce(p_state, p_first) || convert_to(p_said, 'UTF8'));
END
$$;

-- The hash chain of an account, from the hash that it has on.
CREATE AGGREGATE money.chain (bytea, text) (SFUNC = money.chain_next, STYPE = bytea);

CREATE FUNCTION money.post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_ids bigint [];
    v_at_us bigint := (extract(EPOCH FROM new.at) * 1000000)::bigint;
    v_wrong boolean;
BEGIN
    PERFORM FROM money.account WHERE account = ANY(new.accounts) ORDER BY account FOR UPDATE;
    SELECT bool_or(journal.entries < 2 OR journal.total <> 0 OR journal.unknown) INTO v_wrong
    FROM (
        SELECT count(*) AS entries, sum(line.amount) AS total, bool_or(held.account IS NULL) AS unknown
        FROM unnest(new.journals, new.accounts, new.amounts) AS line (journal, account, amount)
        LEFT JOIN money.account AS held ON held.account = line.account
        GROUP BY line.journal, held.currency
    ) AS journal;
    IF v_wrong THEN
        RAISE EXCEPTION 'a journal of this posting does not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    SELECT array_agg(nextval('money.journal_journal_seq')) INTO v_ids
    FROM generate_series(1, new.journals[cardinality(new.journals)]);
    INSERT INTO money.journal (journal, source_key, kind, bet, at, entries) OVERRIDING SYSTEM VALUE
    SELECT v_ids[line.journal], min(line.source_key), min(line.kind), min(line.bet), new.at, count(*)
    FROM unnest(new.journals, new.source_keys, new.kinds, new.bets) AS line (journal, source_key, kind, bet)
    GROUP BY line.journal ORDER BY line.journal;
    WITH
    numbered AS (
        SELECT
            line.journal, line.source_key, line.kind, line.bet, line.account, line.amount,
            row_number() OVER (PARTITION BY line.journal ORDER BY line.account) AS place,
            held.version + row_number() OVER of_account AS version,
            (held.balance + sum(line.amount) OVER of_account)::bigint AS balance,
            held.currency, held.hash
        FROM unnest(new.journals, new.source_keys, new.kinds, new.bets, new.accounts, new.amounts)
            AS line (journal, source_key, kind, bet, account, amount)
        INNER JOIN money.account AS held ON held.account = line.account
        WINDOW of_account AS (PARTITION BY line.account ORDER BY line.journal ROWS UNBOUNDED PRECEDING)
    ),
    entered AS (
        INSERT INTO money.entry (account, version, journal, place, amount, previous, balance, hash)
        SELECT
            account, version, v_ids[journal], place, amount, balance - amount, balance,
            money.chain(hash, concat_ws(
                '|', source_key, kind, coalesce(bet, ''), v_at_us, place,
                account, version, currency, amount, balance - amount, balance
            )) OVER (PARTITION BY account ORDER BY version ROWS UNBOUNDED PRECEDING)
        FROM numbered
        ORDER BY account, version
        RETURNING account, version, balance, hash
    ),
    changed AS (
        UPDATE money.account AS held SET balance = last.balance, version = last.version, hash = last.hash
        FROM (
            SELECT DISTINCT ON (account)
                account, version, balance, hash, min(balance) OVER (PARTITION BY account) AS lowest
            FROM entered ORDER BY account ASC, version DESC
        ) AS last
        WHERE held.account = last.account
        RETURNING held.kind, last.lowest
    )
    SELECT bool_or(changed.kind IN ('user:cash', 'user:open_stakes') AND changed.lowest < 0) INTO v_wrong FROM changed;
    IF v_wrong THEN
        RAISE EXCEPTION 'an account would be below zero meanwhile' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER posting_posts BEFORE INSERT ON money.posting FOR EACH ROW EXECUTE FUNCTION money.post();

-- As in 0003, but not for what a posting writes, which has seen to it.
DROP TRIGGER entry_chained ON money.entry;
CREATE TRIGGER entry_chained BEFORE INSERT ON money.entry FOR EACH ROW
WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION money.chain_entry();
DROP TRIGGER journal_sums_to_zero ON money.journal;
CREATE CONSTRAINT TRIGGER journal_sums_to_zero AFTER INSERT ON money.journal DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION money.check_journal();

-- The next rows of the outbox for users whose wallets are locked, in this order. As money.tell, but who calls it says
-- what the wallet holds: the balances of all of its accounts are in the data.
CREATE FUNCTION money.tell_all(p_owners text [], p_kinds text [], p_data text [], p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH
    counted AS (
        UPDATE money.wallet SET seq = wallet.seq + news.number
        FROM (SELECT owner, count(*) AS number FROM unnest(p_owners) AS owner GROUP BY owner) AS news
        WHERE wallet.owner = news.owner
        RETURNING wallet.owner, wallet.seq
    ),
    told AS (
        SELECT
            owner, kind, data, place,
            count(*) OVER (PARTITION BY owner) - row_number() OVER (PARTITION BY owner ORDER BY place) AS behind
        FROM unnest(p_owners, p_kinds, p_data) WITH ORDINALITY AS news (owner, kind, data, place)
    )
    INSERT INTO money.outbox (owner, seq, kind, data, at)
    SELECT told.owner, counted.seq - told.behind, told.kind, told.data::jsonb, p_at
    FROM told INNER JOIN counted USING (owner)
    ORDER BY told.place;
END
$$;
