-- The ledger: double entry, append-only. Owned by gateway/money; the rules stand here, so that no program can break them.
--
-- Money is in minor units of its currency. An entry says nothing of itself but its amount: what the account held before
-- and after, its version and its place in the account's hash chain are given by a trigger, from the account's row, which
-- nothing else may change. A journal says how many entries it has, so that none can be added to it later.
--
-- Of one user everything happens under the lock of the wallet's row, and accounts are locked in the order of their
-- numbers. House accounts have 32 stripes each, so that no row of the house is everybody's.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA money;

CREATE TABLE money.account (
    account bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    stripe smallint NOT NULL DEFAULT 0,
    balance bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT '\x',
    UNIQUE (owner, kind, currency, stripe),
    CONSTRAINT account_kind CHECK (
        kind IN (
            'user:cash', 'user:open_stakes', 'user:receivable',
            'house:stakes', 'house:payouts', 'house:corrections', 'suspense'
        )
    ),
    CONSTRAINT account_owner CHECK ((owner = 'house') = (kind NOT LIKE 'user:%')),
    CONSTRAINT account_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT account_never_below_zero CHECK (kind NOT IN ('user:cash', 'user:open_stakes') OR balance >= 0),
    CONSTRAINT account_receivable_is_owed CHECK (kind <> 'user:receivable' OR balance <= 0)
) WITH (fillfactor = 70);

-- `source_key` is what caused it: nothing causes two.
CREATE TABLE money.journal (
    journal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_key text NOT NULL UNIQUE,
    kind text NOT NULL,
    bet text,
    at timestamptz NOT NULL,
    entries smallint NOT NULL CHECK (entries >= 2)
);
CREATE INDEX journal_bet ON money.journal (bet) WHERE bet IS NOT NULL;

-- References to account and journal are checked by the triggers below, which read both rows anyway; those of a hold, to
-- journals that its own statement wrote, by `ledger verify`.
CREATE TABLE money.entry (
    account bigint NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    journal bigint NOT NULL,
    place smallint NOT NULL CHECK (place > 0),
    amount bigint NOT NULL CHECK (amount <> 0),
    previous bigint NOT NULL,
    balance bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (account, version),
    UNIQUE (journal, place),
    CONSTRAINT entry_adds_up CHECK (balance = previous + amount)
);

-- One a user. `seq`: number of the newest row of the outbox for this user. Limits are the user's own; null: none.
CREATE TABLE money.wallet (
    owner text PRIMARY KEY CHECK (owner <> 'house'),
    currency text NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    excluded_until timestamptz,
    stake_max bigint CHECK (stake_max >= 0),
    day_stakes_max bigint CHECK (day_stakes_max >= 0)
) WITH (fillfactor = 70);

-- A stake put aside for a bet: posted or voided once. A bet whose result was taken back gets another, of the next turn.
CREATE TABLE money.hold (
    bet text NOT NULL,
    turn smallint NOT NULL DEFAULT 0,
    owner text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'posted', 'voided')),
    opened bigint NOT NULL UNIQUE,
    resolved bigint UNIQUE,
    PRIMARY KEY (bet, turn),
    CONSTRAINT hold_resolved CHECK ((state = 'open') = (resolved IS NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX hold_open ON money.hold (bet) WHERE state = 'open';
CREATE INDEX hold_owner ON money.hold (owner);

-- What a client's key was used for, for ever. `answer` is kept for a time, byte for byte. A tombstone never bets.
CREATE TABLE money.key (
    owner text NOT NULL,
    client_key text NOT NULL CHECK (client_key ~ '^[A-Za-z0-9_-]{16,64}$'),
    verb text NOT NULL CHECK (verb IN ('bet', 'deposit', 'withdrawal', 'tombstone')),
    fingerprint bytea NOT NULL,
    subject text NOT NULL,
    status smallint NOT NULL,
    answer bytea,
    made timestamptz NOT NULL,
    PRIMARY KEY (owner, client_key)
);
CREATE INDEX key_answer ON money.key (made) WHERE answer IS NOT NULL;

-- What other services are told. `seq` is dense for each user.
CREATE TABLE money.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (owner, seq)
);

CREATE FUNCTION money.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: the ledger only grows', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION money.chain_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_journal money.journal;
BEGIN
    SELECT * INTO v_journal FROM money.journal WHERE journal = new.journal;
    IF NOT FOUND OR new.place > v_journal.entries THEN
        RAISE EXCEPTION 'journal % has no entry %', new.journal, new.place USING ERRCODE = 'restrict_violation';
    END IF;
    UPDATE money.account AS held
    SET
        balance = held.balance + new.amount,
        version = held.version + 1,
        hash = sha256(held.hash || convert_to(concat_ws(
            '|', v_journal.source_key, v_journal.kind, coalesce(v_journal.bet, ''),
            (extract(EPOCH FROM v_journal.at) * 1000000)::bigint, new.place,
            held.account, held.version + 1, held.currency, new.amount, held.balance, held.balance + new.amount
        ), 'UTF8'))
    WHERE held.account = new.account
    RETURNING held.balance - new.amount, held.balance, held.version, held.hash
    INTO new.previous, new.balance, new.version, new.hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no account %', new.account USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN new;
END
$$;

CREATE FUNCTION money.check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.entries <> (SELECT count(*) FROM money.entry WHERE journal = new.journal) THEN
        RAISE EXCEPTION 'journal % has not all of its entries', new.source_key USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM money.entry INNER JOIN money.account USING (account)
    WHERE entry.journal = new.journal GROUP BY account.currency HAVING sum(entry.amount) <> 0;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not sum to zero', new.source_key USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER account_begins_empty BEFORE INSERT ON money.account FOR EACH ROW
WHEN (new.balance <> 0 OR new.version <> 0 OR new.hash <> '\x') EXECUTE FUNCTION money.refuse();
CREATE TRIGGER account_only_by_entries BEFORE UPDATE ON money.account FOR EACH STATEMENT
WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION money.refuse();
CREATE TRIGGER account_stays BEFORE DELETE OR TRUNCATE ON money.account
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

CREATE TRIGGER entry_chained BEFORE INSERT ON money.entry FOR EACH ROW EXECUTE FUNCTION money.chain_entry();
CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON money.entry
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

CREATE CONSTRAINT TRIGGER journal_sums_to_zero AFTER INSERT ON money.journal DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION money.check_journal();
CREATE TRIGGER journal_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON money.journal
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

CREATE TRIGGER outbox_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON money.outbox
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

CREATE TRIGGER hold_begins_open BEFORE INSERT ON money.hold FOR EACH ROW
WHEN (new.state <> 'open') EXECUTE FUNCTION money.refuse();
CREATE TRIGGER hold_resolves_once BEFORE UPDATE ON money.hold FOR EACH ROW
WHEN (
    old.state <> 'open' OR new.state = 'open'
    OR (old.bet, old.turn, old.owner, old.currency, old.amount, old.opened)
    IS DISTINCT FROM (new.bet, new.turn, new.owner, new.currency, new.amount, new.opened)
) EXECUTE FUNCTION money.refuse();
CREATE TRIGGER hold_stays BEFORE DELETE OR TRUNCATE ON money.hold FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

CREATE TRIGGER key_only_forgets BEFORE UPDATE ON money.key FOR EACH ROW
WHEN (
    new.answer IS NOT NULL
    OR (old.owner, old.client_key, old.verb, old.fingerprint, old.subject, old.status, old.made)
    IS DISTINCT FROM (new.owner, new.client_key, new.verb, new.fingerprint, new.subject, new.status, new.made)
) EXECUTE FUNCTION money.refuse();
CREATE TRIGGER key_stays BEFORE DELETE OR TRUNCATE ON money.key FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

CREATE TRIGGER wallet_stays BEFORE DELETE OR TRUNCATE ON money.wallet
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

-- A wallet and its accounts, where there is none yet; and the house's in that currency.
CREATE FUNCTION money.open_wallet(p_owner text, p_currency text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM money.wallet WHERE owner = p_owner;
    IF FOUND THEN
        RETURN;
    END IF;
    INSERT INTO money.wallet (owner, currency) VALUES (p_owner, p_currency) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO money.account (owner, kind, currency)
    SELECT p_owner, kind, p_currency FROM unnest(ARRAY['user:cash', 'user:open_stakes', 'user:receivable']) AS kind;
    PERFORM FROM money.account WHERE owner = 'house' AND currency = p_currency AND kind = 'suspense' AND stripe = 31;
    IF NOT FOUND THEN
        INSERT INTO money.account (owner, kind, currency, stripe)
        SELECT 'house', kind, p_currency, stripe
        FROM unnest(ARRAY['house:stakes', 'house:payouts', 'house:corrections', 'suspense']) AS kind
        CROSS JOIN generate_series(0, 31) AS stripe
        ORDER BY kind, stripe
        ON CONFLICT DO NOTHING;
    END IF;
END
$$;

-- Subqueries, here and below, where a join would do: however small a table was when the statement was planned, each row
-- is found by the index.
--
-- One journal of a user's: `p_kinds` and `p_amounts` are its entries. Kinds of the house mean the user's stripe there.
CREATE FUNCTION money.write_journal(
    p_owner text, p_currency text, p_source_key text, p_kind text, p_bet text, p_at timestamptz,
    p_kinds text [], p_amounts bigint []
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_journal bigint;
    v_stripe smallint := hashtext(p_owner) & 31;
BEGIN
    INSERT INTO money.journal (source_key, kind, bet, at, entries)
    VALUES (p_source_key, p_kind, p_bet, p_at, cardinality(p_kinds))
    RETURNING journal INTO v_journal;
    INSERT INTO money.entry (journal, place, account, amount)
    SELECT v_journal, row_number() OVER (ORDER BY found.account), found.account, found.amount
    FROM (
        SELECT line.amount, (
            SELECT account.account FROM money.account
            WHERE account.owner = CASE WHEN line.kind LIKE 'user:%' THEN p_owner ELSE 'house' END
            AND account.kind = line.kind
            AND account.currency = p_currency
            AND account.stripe = CASE WHEN line.kind LIKE 'user:%' THEN 0 ELSE v_stripe END
        ) AS account
        FROM unnest(p_kinds, p_amounts) AS line (kind, amount)
    ) AS found
    ORDER BY found.account;
    RETURN v_journal;
END
$$;

-- The next row of the outbox for a user, whose wallet is locked. What the wallet holds stands in its data.
CREATE FUNCTION money.tell(p_owner text, p_kind text, p_data jsonb, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_seq bigint;
BEGIN
    UPDATE money.wallet SET seq = seq + 1 WHERE owner = p_owner RETURNING seq INTO STRICT v_seq;
    INSERT INTO money.outbox (owner, seq, kind, data, at)
    SELECT p_owner, v_seq, p_kind, p_data || jsonb_object_agg(substr(kind, 6), balance), p_at
    FROM money.account WHERE owner = p_owner;
END
$$;

-- A deposit or a withdrawal. `outcome`: done; known, with what the key was used for; or the code of a refusal, which
-- leaves nothing behind.
CREATE FUNCTION money.move(
    p_owner text, p_key text, p_fingerprint bytea, p_verb text, p_currency text, p_amount bigint,
    p_source_key text, p_at timestamptz, p_kinds text [], p_amounts bigint [], p_status smallint, p_answer bytea
) RETURNS TABLE (outcome text, verb text, fingerprint bytea, subject text, status smallint, answer bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_wallet money.wallet;
    v_cash bigint;
BEGIN
    SELECT * INTO v_wallet FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    RETURN QUERY SELECT 'known', k.verb, k.fingerprint, k.subject, k.status, k.answer
    FROM money.key AS k WHERE k.owner = p_owner AND k.client_key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;
    IF v_wallet.owner IS NULL AND p_verb = 'deposit' THEN
        PERFORM money.open_wallet(p_owner, p_currency);
        SELECT * INTO v_wallet FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    END IF;
    SELECT balance INTO v_cash FROM money.account
    WHERE owner = p_owner AND kind = 'user:cash' AND currency = p_currency AND stripe = 0;
    outcome := CASE
        WHEN v_wallet.owner IS NULL THEN 'insufficient_funds'
        WHEN v_wallet.currency <> p_currency THEN 'wrong_currency'
        WHEN p_verb = 'withdrawal' AND v_cash < p_amount THEN 'insufficient_funds'
        WHEN v_cash + p_amount > 1000000000000000 THEN 'limit_exceeded'
        ELSE 'done'
    END;
    IF outcome = 'done' THEN
        INSERT INTO money.key (owner, client_key, verb, fingerprint, subject, status, answer, made)
        VALUES (p_owner, p_key, p_verb, p_fingerprint, p_source_key, p_status, p_answer, p_at);
        PERFORM money.write_journal(
            p_owner, p_currency, p_source_key, p_verb, NULL, p_at, p_kinds, p_amounts
        );
        PERFORM money.tell(p_owner, 'balance', jsonb_build_object('because', p_verb), p_at);
        verb := p_verb;
        fingerprint := p_fingerprint;
        subject := p_source_key;
        status := p_status;
        answer := p_answer;
    END IF;
    RETURN NEXT;
END
$$;

-- A key that was not used never will be. Gives what it was used for, or the tombstone.
CREATE FUNCTION money.bury_key(p_owner text, p_key text, p_at timestamptz)
RETURNS TABLE (outcome text, verb text, fingerprint bytea, subject text, status smallint, answer bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    INSERT INTO money.key (owner, client_key, verb, fingerprint, subject, status, made)
    VALUES (p_owner, p_key, 'tombstone', '\x', '', 410, p_at)
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT 'known', k.verb, k.fingerprint, k.subject, k.status, k.answer
    FROM money.key AS k WHERE k.owner = p_owner AND k.client_key = p_key;
END
$$;

-- What a key was used for, once whatever is under way for its owner has ended.
CREATE FUNCTION money.settled_key(p_owner text, p_key text)
RETURNS TABLE (outcome text, verb text, fingerprint bytea, subject text, status smallint, answer bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM money.wallet WHERE owner = p_owner FOR SHARE;
    RETURN QUERY SELECT 'known', k.verb, k.fingerprint, k.subject, k.status, k.answer
    FROM money.key AS k WHERE k.owner = p_owner AND k.client_key = p_key;
END
$$;
