-- Protection of accounts: limits, time-outs, self-exclusion. Owned by gateway/protection; enforced here, in the
-- statements that move money, under the lock of the wallet: money.move of 0003, bets.place and bets.decide of 0004 are
-- replaced. The wallet's own limits move here.
--
-- Periods roll: a day is the 24 hours up to now, a week 7 of them, a month 30; nobody can spend a day's limit twice around
-- a midnight. Of a limit an amount is in force, and perhaps another waits: what `pending_at` has come of is in force,
-- whether or not anybody has written so.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA protection;

-- Amounts in minor units; null: none, as is a limit without a row. Kind `stake` has a limit of one bet, too.
CREATE TABLE protection.allowance (
    owner text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deposit', 'stake', 'loss')),
    period text NOT NULL CHECK (period IN ('bet', 'day', 'week', 'month')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint CHECK (amount >= 0),
    pending_amount bigint CHECK (pending_amount >= 0),
    pending_at timestamptz,
    PRIMARY KEY (owner, kind, period),
    CONSTRAINT allowance_of_a_bet CHECK (period <> 'bet' OR kind = 'stake'),
    CONSTRAINT allowance_pending CHECK (pending_at IS NOT NULL OR pending_amount IS NULL)
) WITH (fillfactor = 80);

-- Who may not bet or deposit, of each kind the longest; `until` null: for ever. `revoked`: when the tickets of the account
-- were taken back; null: some gateway is to do it.
CREATE TABLE protection.exclusion (
    owner text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('time_out', 'self_exclusion')),
    since timestamptz NOT NULL,
    until timestamptz CHECK (until > since),
    revoked timestamptz,
    PRIMARY KEY (owner, kind),
    CONSTRAINT exclusion_time_out_ends CHECK (kind = 'self_exclusion' OR until IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX exclusion_to_revoke ON protection.exclusion (since) WHERE revoked IS NULL;

-- Every change of the two tables above, by whom (`self`, or an operator's name), with what was said.
CREATE TABLE protection.trail (
    owner text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    by text NOT NULL,
    what text NOT NULL,
    said jsonb NOT NULL,
    PRIMARY KEY (owner, number)
);

-- Deposits and withdrawals by account and time; the money is in their journals.
CREATE TABLE money.movement (
    owner text NOT NULL,
    at timestamptz NOT NULL,
    source_key text NOT NULL,
    verb text NOT NULL CHECK (verb IN ('deposit', 'withdrawal')),
    amount bigint NOT NULL CHECK (amount > 0),
    PRIMARY KEY (owner, at, source_key)
);

INSERT INTO money.movement (owner, at, source_key, verb, amount)
SELECT account.owner, journal.at, journal.source_key, journal.kind, abs(entry.amount)
FROM money.journal
INNER JOIN money.entry ON entry.journal = journal.journal
INNER JOIN money.account ON account.account = entry.account
WHERE journal.kind IN ('deposit', 'withdrawal') AND account.kind = 'user:cash';

INSERT INTO protection.allowance (owner, kind, period, currency, amount)
SELECT owner, 'stake', 'bet', currency, stake_max FROM money.wallet WHERE stake_max IS NOT NULL
UNION ALL
SELECT owner, 'stake', 'day', currency, day_stakes_max FROM money.wallet WHERE day_stakes_max IS NOT NULL;

INSERT INTO protection.exclusion (owner, kind, since, until)
SELECT owner, 'self_exclusion', now(), nullif(excluded_until, 'infinity') FROM money.wallet WHERE excluded_until > now();

-- Whoever would still read them would enforce what is not so any more.
-- squawk-ignore ban-drop-column
ALTER TABLE money.wallet DROP COLUMN excluded_until;
-- squawk-ignore ban-drop-column
ALTER TABLE money.wallet DROP COLUMN stake_max;
-- squawk-ignore ban-drop-column
ALTER TABLE money.wallet DROP COLUMN day_stakes_max;

CREATE TRIGGER trail_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON protection.trail
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();
CREATE TRIGGER movement_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON money.movement
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

-- An exclusion is never shortened, and its kind and owner never change.
CREATE TRIGGER exclusion_only_grows BEFORE UPDATE ON protection.exclusion FOR EACH ROW
WHEN (
    (old.owner, old.kind) IS DISTINCT FROM (new.owner, new.kind)
    OR (old.until > now() AND new.until < old.until)
    OR (old.until IS NULL AND new.until IS NOT NULL)
) EXECUTE FUNCTION money.refuse();
CREATE TRIGGER exclusion_stays BEFORE DELETE OR TRUNCATE ON protection.exclusion
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

-- The wallet, locked. Whoever has none is locked, too: nobody opens one meanwhile.
CREATE FUNCTION money.lock_wallet(p_owner text) RETURNS money.wallet LANGUAGE plpgsql AS $$
DECLARE
    v_wallet money.wallet;
BEGIN
    SELECT * INTO v_wallet FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('wallet/' || p_owner, 0));
        SELECT * INTO v_wallet FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    END IF;
    RETURN v_wallet;
END
$$;

CREATE FUNCTION protection.length_of(p_period text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_period
        WHEN 'day' THEN interval '24 hours' WHEN 'week' THEN interval '168 hours' WHEN 'month' THEN interval '720 hours'
    END
$$;

-- The exclusion that ends last, as JSON for who is refused; null: there is none.
CREATE FUNCTION protection.excluded(p_owner text, p_at timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object('until', to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text
        FROM protection.exclusion
        WHERE owner = p_owner AND (until IS NULL OR until > p_at)
        ORDER BY until DESC NULLS FIRST LIMIT 1
    );
END
$$;

-- What counts against a limit. Deposits: what came in the period. Stakes: of bets placed in it, unless they were refused or
-- are void. Loss: those stakes less what those bets paid back, settled or cashed out; an open bet counts as lost, so that
-- no result can pass the limit.
CREATE FUNCTION protection.used_of(p_owner text, p_kind text, p_period text, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE
        WHEN p_period = 'bet' THEN 0
        WHEN p_kind = 'deposit' THEN (
            SELECT coalesce(sum(moved.amount), 0) FROM money.movement AS moved
            WHERE moved.owner = p_owner AND moved.at > p_at - protection.length_of(p_period) AND moved.verb = 'deposit'
        )
        ELSE (
            SELECT coalesce(sum(
                b.stake - CASE WHEN p_kind = 'loss' THEN coalesce(b.payout, 0) + b.cashed_out ELSE 0 END  -- 0008
            ), 0)
            FROM bets.bet AS b
            WHERE b.owner = p_owner AND b.placed > p_at - protection.length_of(p_period)
            AND b.state NOT IN ('refused', 'void')
        )
    END;
END
$$;

-- Limits of these kinds as they are at a time.
CREATE FUNCTION protection.in_force(p_owner text, p_kinds text [], p_at timestamptz)
RETURNS TABLE (kind text, period text, currency text, amount bigint) LANGUAGE sql STABLE AS $$
    SELECT held.kind, held.period, held.currency, held.amount
    FROM (
        SELECT
            a.kind, a.period, a.currency, CASE WHEN a.pending_at <= p_at THEN a.pending_amount ELSE a.amount END AS amount
        FROM protection.allowance AS a
        WHERE a.owner = p_owner AND a.kind = ANY(p_kinds)
    ) AS held
    WHERE held.amount IS NOT NULL
$$;

-- The first limit that so much more would pass, as JSON for who is refused; null: none.
CREATE FUNCTION protection.passed(p_owner text, p_kinds text [], p_amount bigint, p_at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_limit record;
BEGIN
    FOR v_limit IN
        SELECT held.kind, held.period, held.amount
        FROM protection.in_force(p_owner, p_kinds, p_at) AS held
        ORDER BY held.kind, array_position(ARRAY['bet', 'day', 'week', 'month'], held.period)
    LOOP
        IF protection.used_of(p_owner, v_limit.kind, v_limit.period, p_at) + p_amount > v_limit.amount THEN
            RETURN jsonb_build_object('limit', v_limit.kind, 'period', v_limit.period)::text;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- Where there is no wallet there is nobody to tell.
CREATE FUNCTION protection.note(
    p_owner text, p_by text, p_what text, p_said jsonb, p_at timestamptz, p_told boolean
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO protection.trail (owner, at, by, what, said) VALUES (p_owner, p_at, p_by, p_what, p_said);
    IF p_told THEN
        PERFORM money.tell(p_owner, 'limit', p_said || jsonb_build_object('because', p_what), p_at);
    END IF;
END
$$;

-- Sets a limit. Lower is in force at once; higher, or none, `p_wait` later, and the same wish again does not begin to wait
-- again. Whatever waited before is given up. `outcome`: done, wrong_currency, or excluded for what is not lower.
CREATE FUNCTION protection.set_limit(
    p_owner text, p_kind text, p_period text, p_currency text, p_amount bigint, p_by text, p_at timestamptz,
    p_wait interval
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_wallet money.wallet;
    v_held protection.allowance;
    v_at_once boolean;
BEGIN
    v_wallet := money.lock_wallet(p_owner);
    IF v_wallet.currency <> p_currency OR EXISTS (
        SELECT FROM protection.allowance AS other WHERE other.owner = p_owner AND other.currency <> p_currency
    ) THEN
        RETURN 'wrong_currency';
    END IF;
    SELECT * INTO v_held FROM protection.allowance
    WHERE owner = p_owner AND kind = p_kind AND period = p_period FOR UPDATE;
    IF v_held.pending_at <= p_at THEN
        v_held.amount := v_held.pending_amount;
        v_held.pending_amount := NULL;
        v_held.pending_at := NULL;
    END IF;
    v_at_once := CASE WHEN p_amount IS NULL THEN v_held.amount IS NULL
        ELSE v_held.amount IS NULL OR p_amount <= v_held.amount END;
    IF v_at_once THEN
        v_held.amount := p_amount;
        v_held.pending_at := NULL;
    ELSIF v_held.pending_at IS NULL OR v_held.pending_amount IS DISTINCT FROM p_amount THEN
        v_held.pending_at := p_at + p_wait;
    END IF;
    v_held.pending_amount := CASE WHEN NOT v_at_once THEN p_amount END;
    INSERT INTO protection.allowance AS a (owner, kind, period, currency, amount, pending_amount, pending_at)
    VALUES (p_owner, p_kind, p_period, p_currency, v_held.amount, v_held.pending_amount, v_held.pending_at)
    ON CONFLICT (owner, kind, period) DO UPDATE
    SET amount = excluded.amount, pending_amount = excluded.pending_amount, pending_at = excluded.pending_at;
    PERFORM protection.note(p_owner, p_by, 'limit', jsonb_build_object(
        'limit', p_kind, 'period', p_period, 'amount', v_held.amount,
        'pending_amount', v_held.pending_amount, 'pending_at', v_held.pending_at
    ), p_at, v_wallet.owner IS NOT NULL);
    RETURN 'done';
END
$$;

-- Excludes an account. Never shortens: what stands longer goes on to stand. Gives when it ends now; null: never.
CREATE FUNCTION protection.exclude(p_owner text, p_kind text, p_until timestamptz, p_by text, p_at timestamptz)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    v_wallet money.wallet;
    v_until timestamptz;
BEGIN
    v_wallet := money.lock_wallet(p_owner);
    INSERT INTO protection.exclusion AS held (owner, kind, since, until)
    VALUES (p_owner, p_kind, p_at, p_until)
    ON CONFLICT (owner, kind) DO UPDATE
    SET
        since = CASE WHEN held.until <= p_at THEN excluded.since ELSE held.since END,
        until = CASE WHEN held.until IS NULL OR excluded.until IS NULL THEN NULL
            ELSE greatest(held.until, excluded.until) END,
        revoked = NULL
    RETURNING held.until INTO v_until;
    PERFORM protection.note(
        p_owner, p_by, p_kind, jsonb_build_object('until', v_until), p_at, v_wallet.owner IS NOT NULL
    );
    RETURN v_until;
END
$$;

-- As in 0003, and: an account that is excluded brings in nothing, nor does one whose limits it would pass; the place that
-- was shown for it still stands, and its use is recorded. A withdrawal is always possible.
-- squawk-ignore ban-drop-function
DROP FUNCTION money.move(
    text, text, bytea, text, text, bigint, text, timestamptz, text [], bigint [], smallint, bytea
);
CREATE FUNCTION money.move(
    p_owner text, p_key text, p_fingerprint bytea, p_verb text, p_currency text, p_amount bigint,
    p_source_key text, p_at timestamptz, p_kinds text [], p_amounts bigint [], p_status smallint, p_answer bytea,
    p_location jsonb, p_location_until timestamptz
) RETURNS TABLE (outcome text, verb text, fingerprint bytea, subject text, status smallint, answer bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_wallet money.wallet;
    v_cash bigint;
    v_now timestamptz;
BEGIN
    v_wallet := money.lock_wallet(p_owner);
    v_now := clock_timestamp();
    RETURN QUERY SELECT 'known', k.verb, k.fingerprint, k.subject, k.status, k.answer
    FROM money.key AS k WHERE k.owner = p_owner AND k.client_key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;
    IF p_verb = 'deposit' THEN
        subject := protection.excluded(p_owner, v_now);
        outcome := CASE WHEN subject IS NOT NULL THEN 'excluded' END;
        IF outcome IS NULL THEN
            subject := protection.passed(p_owner, ARRAY['deposit'], p_amount, p_at);
            outcome := CASE WHEN subject IS NOT NULL THEN 'limit_exceeded' END;
        END IF;
    END IF;
    outcome := CASE
        WHEN p_location_until <= v_now THEN 'geo_expired'
        WHEN p_location IS NOT NULL AND NOT location.stands(p_owner, p_location) THEN 'geo_superseded'
        WHEN outcome IS NOT NULL THEN outcome
        WHEN v_wallet.owner IS NULL AND p_verb = 'withdrawal' THEN 'insufficient_funds'
        WHEN v_wallet.currency <> p_currency OR EXISTS (
            SELECT FROM protection.allowance AS a WHERE a.owner = p_owner AND a.currency <> p_currency
        ) THEN 'wrong_currency'
    END;
    IF outcome IS NOT NULL THEN
        subject := CASE WHEN outcome IN ('excluded', 'limit_exceeded') THEN subject END;
        RETURN NEXT;
        RETURN;
    END IF;
    IF v_wallet.owner IS NULL THEN
        PERFORM money.open_wallet(p_owner, p_currency);
        v_wallet := money.lock_wallet(p_owner);
    END IF;
    SELECT balance INTO v_cash FROM money.account
    WHERE owner = p_owner AND kind = 'user:cash' AND currency = p_currency AND stripe = 0;
    outcome := CASE
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
        INSERT INTO money.movement (owner, at, source_key, verb, amount)
        VALUES (p_owner, p_at, p_source_key, p_verb, p_amount);
        IF p_location ->> 'receipt' IS NOT NULL THEN
            PERFORM location.used(p_verb, p_source_key, p_owner, p_location);
        END IF;
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

-- As in 0004, with exclusions and limits as they stand here. Of a refusal that has more to say `subject` is that, as JSON.
CREATE OR REPLACE FUNCTION bets.place(
    p_owner text, p_key text, p_fingerprint bytea, p_click bytea, p_confirmed boolean,
    p_bet text, p_type text, p_stake bigint, p_currency text, p_potential bigint, p_placed timestamptz, p_due timestamptz,
    p_cursor text, p_location jsonb, p_location_until timestamptz, p_deadline timestamptz,
    p_events text [], p_markets text [], p_selections text [], p_milli integer [],
    p_asked integer [], p_asked_s bigint [], p_s bigint [], p_policies text [],
    p_kinds text [], p_amounts bigint [], p_answer bytea, p_refusal bytea,
    p_duplicate_within interval, p_market_max bigint, p_house_left bigint
) RETURNS TABLE (outcome text, verb text, fingerprint bytea, subject text, status smallint, answer bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_wallet money.wallet;
    v_now timestamptz;
    v_resulted boolean;
    v_excluded text;
    v_passed text;
BEGIN
    SELECT * INTO v_wallet FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    v_now := clock_timestamp();
    RETURN QUERY SELECT 'known', k.verb, k.fingerprint, k.subject, k.status, k.answer
    FROM money.key AS k WHERE k.owner = p_owner AND k.client_key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;
    v_excluded := protection.excluded(p_owner, v_now);
    v_passed := protection.passed(p_owner, ARRAY['loss', 'stake'], p_stake, p_placed);
    outcome := CASE
        WHEN p_deadline <= v_now THEN 'deadline_passed'
        WHEN p_location_until <= v_now THEN 'geo_expired'
        WHEN NOT location.stands(p_owner, p_location) THEN 'geo_superseded'  -- 0005
        WHEN v_wallet.owner IS NULL THEN 'insufficient_funds'
        WHEN v_excluded IS NOT NULL THEN 'excluded'
        WHEN v_wallet.currency <> p_currency THEN 'wrong_currency'
        WHEN NOT p_confirmed AND p_duplicate_within > '0' AND EXISTS (
            SELECT FROM bets.bet AS b
            WHERE b.owner = p_owner AND b.placed > p_placed - p_duplicate_within
            AND b.click = p_click AND b.state <> 'refused'
        ) THEN 'possible_duplicate'
        WHEN v_passed IS NOT NULL THEN 'own_limit'
        WHEN p_potential - p_stake > p_house_left THEN 'limit_exceeded'
        WHEN bets.exposed_too_much(
            p_currency, p_markets, p_selections, p_potential - p_stake, p_market_max
        ) THEN 'limit_exceeded'
        WHEN p_stake > (
            SELECT a.balance FROM money.account AS a
            WHERE a.owner = p_owner AND a.kind = 'user:cash' AND a.currency = p_currency AND a.stripe = 0
        ) THEN 'insufficient_funds'
    END;
    IF outcome IS NOT NULL THEN
        subject := CASE outcome WHEN 'excluded' THEN v_excluded WHEN 'own_limit' THEN v_passed END;
        outcome := CASE outcome WHEN 'own_limit' THEN 'limit_exceeded' ELSE outcome END;
        RETURN NEXT;
        RETURN;
    END IF;
    v_resulted := bets.lock_results(p_markets, p_events);
    outcome := CASE WHEN v_resulted THEN 'refused' ELSE 'placed' END;
    verb := 'bet';
    fingerprint := p_fingerprint;
    subject := p_bet;
    status := CASE WHEN v_resulted THEN 409 ELSE 201 END;
    answer := CASE WHEN v_resulted THEN p_refusal ELSE p_answer END;
    INSERT INTO money.key (owner, client_key, verb, fingerprint, subject, status, answer, made)
    VALUES (p_owner, p_key, verb, fingerprint, subject, status, answer, p_placed);
    INSERT INTO bets.bet (
        bet, owner, client_key, type, stake, currency, potential_payout, state, reason, click, cursor, location,
        placed, due
    ) VALUES (
        p_bet, p_owner, p_key, p_type, p_stake, p_currency, p_potential,
        CASE WHEN v_resulted THEN 'refused' WHEN p_due IS NULL THEN 'accepted' ELSE 'pending_acceptance' END,
        CASE WHEN v_resulted THEN 'market_not_open' END,
        p_click, p_cursor, p_location, p_placed, CASE WHEN NOT v_resulted THEN p_due END
    );
    INSERT INTO bets.leg (bet, place, event, market, selection, milli, asked, asked_s, s, policy)
    SELECT p_bet, leg.place, leg.event, leg.market, leg.selection, leg.milli, leg.asked, leg.asked_s, leg.s, leg.policy
    FROM unnest(p_events, p_markets, p_selections, p_milli, p_asked, p_asked_s, p_s, p_policies)
    WITH ORDINALITY AS leg (event, market, selection, milli, asked, asked_s, s, policy, place);
    IF NOT v_resulted THEN
        INSERT INTO money.hold (bet, owner, currency, amount, opened)
        VALUES (p_bet, p_owner, p_currency, p_stake, money.write_journal(
            p_owner, p_currency, 'bet/' || p_bet || '/hold/0', 'hold', p_bet, p_placed, p_kinds, p_amounts
        ));
        PERFORM bets.expose(p_currency, p_markets, p_selections, p_stake, p_potential - p_stake);
    END IF;
    PERFORM money.tell(
        p_owner, CASE WHEN v_resulted THEN 'bet_refused' ELSE 'bet_placed' END,
        jsonb_build_object('bet', p_bet, 'stake', p_stake), p_placed
    );
    RETURN NEXT;
END
$$;

-- As in 0004: decides a waiting bet, once; gives its state. Who was excluded meanwhile gets the stake back. `p_kinds`, `p_amounts`: the journal that gives the stake back.
CREATE OR REPLACE FUNCTION bets.decide(
    p_owner text, p_bet text, p_accepted boolean, p_reason text, p_at timestamptz, p_kinds text [], p_amounts bigint []
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_bet bets.bet;
    v_events text [];
    v_markets text [];
    v_selections text [];
    v_accepted boolean := p_accepted;
BEGIN
    PERFORM FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    SELECT * INTO STRICT v_bet FROM bets.bet WHERE bet = p_bet AND owner = p_owner FOR UPDATE;
    IF v_bet.state <> 'pending_acceptance' THEN
        RETURN v_bet.state;
    END IF;
    SELECT array_agg(event ORDER BY market), array_agg(market ORDER BY market), array_agg(selection ORDER BY market)
    INTO v_events, v_markets, v_selections
    FROM bets.leg WHERE bet = p_bet;
    IF bets.lock_results(v_markets, v_events) THEN
        v_accepted := FALSE;
        p_reason := 'market_not_open';
    END IF;
    IF protection.excluded(p_owner, clock_timestamp()) IS NOT NULL THEN
        v_accepted := FALSE;
        p_reason := 'excluded';
    END IF;
    UPDATE bets.bet
    SET
        state = CASE WHEN v_accepted THEN 'accepted' ELSE 'refused' END,
        reason = CASE WHEN NOT v_accepted THEN p_reason END
    WHERE bet = p_bet;
    IF NOT v_accepted THEN
        PERFORM bets.expose(
            v_bet.currency, v_markets, v_selections, -v_bet.stake, v_bet.stake - v_bet.potential_payout
        );
        UPDATE money.hold
        SET state = 'voided', resolved = money.write_journal(
            p_owner, v_bet.currency, 'bet/' || p_bet || '/void/0', 'void', p_bet, p_at, p_kinds, p_amounts
        )
        WHERE bet = p_bet AND state = 'open';
    END IF;
    PERFORM money.tell(
        p_owner, CASE WHEN v_accepted THEN 'bet_accepted' ELSE 'bet_refused' END,
        jsonb_build_object('bet', p_bet, 'reason', CASE WHEN NOT v_accepted THEN p_reason END), p_at
    );
    RETURN CASE WHEN v_accepted THEN 'accepted' ELSE 'refused' END;
END
$$;
