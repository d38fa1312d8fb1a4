-- Bets. Owned by gateway/bets; the money of a bet is a hold in the ledger (0003).
--
-- Placing one is one statement and so one transaction: key, bet, legs, hold, journal, exposure and outbox, or nothing.
-- Order of locks, everywhere: the user's wallet, the bet, results by market, exposure by market, accounts. Who settles
-- writes a result in a transaction of its own, before it touches any wallet.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA bets;

-- `click`: hash of account, selections and stake, to find a second tap. `location`: the decision that let it pass.
-- `due`: when a bet that waits is decided; `taken_until`: somebody decides it at this moment.
CREATE TABLE bets.bet (
    bet text PRIMARY KEY,
    owner text NOT NULL,
    client_key text NOT NULL,
    type text NOT NULL CHECK (type IN ('single', 'parlay')),
    stake bigint NOT NULL CHECK (stake > 0),
    currency text NOT NULL,
    potential_payout bigint NOT NULL CHECK (potential_payout >= stake),
    payout bigint CHECK (payout >= 0),
    state text NOT NULL CHECK (
        state IN (
            'pending_acceptance', 'accepted', 'refused', 'won', 'lost', 'void', 'cashed_out', 'under_review'
        )
    ),
    reason text,
    revision integer NOT NULL DEFAULT 0,
    click bytea NOT NULL,
    cursor text,
    location jsonb NOT NULL,
    placed timestamptz NOT NULL,
    due timestamptz,
    taken_until timestamptz,
    UNIQUE (owner, client_key)
) WITH (fillfactor = 80);
CREATE INDEX bet_listed ON bets.bet (owner, placed DESC, bet DESC);
CREATE INDEX bet_due ON bets.bet (due) WHERE state = 'pending_acceptance';

-- Prices are decimal odds in thousandths: `milli` is what the bet was struck at, `asked` what was asked for.
-- `s` is the position of the market's state that it was struck at.
CREATE TABLE bets.leg (
    bet text NOT NULL,
    place smallint NOT NULL,
    event text NOT NULL,
    market text NOT NULL,
    selection text NOT NULL,
    milli integer NOT NULL CHECK (milli > 1000),
    asked integer NOT NULL,
    asked_s bigint NOT NULL,
    s bigint NOT NULL,
    policy text NOT NULL,
    PRIMARY KEY (bet, place)
);
CREATE INDEX leg_market ON bets.leg (market, selection);

-- Bets with their legs, as they are told.
CREATE VIEW bets.told AS
SELECT
    bet.bet, bet.client_key, bet.type, bet.stake, bet.currency, bet.potential_payout, bet.payout, bet.state, bet.reason,
    bet.revision, bet.placed, bet.location, bet.owner,
    (
        SELECT json_agg(json_build_array(
            leg.event, leg.market, leg.selection, leg.milli, leg.s, leg.policy, leg.asked
        ) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = bet.bet
    ) AS legs
FROM bets.bet;

-- One for each market that was ever bet on. `revision` 0: there is no result. Bets hold it shared until they commit, so
-- whoever writes a result waits for those under way, and later ones see it.
CREATE TABLE bets.result (
    market text PRIMARY KEY,
    event text NOT NULL,
    revision bigint NOT NULL DEFAULT 0,
    at timestamptz
) WITH (fillfactor = 80);

-- What the house would lose on a selection beyond the stakes, in stripes that sum up. What is under way at the same
-- moment is not seen: a limit may be passed by that much.
CREATE TABLE bets.exposure (
    currency text NOT NULL,
    market text NOT NULL,
    selection text NOT NULL,
    stripe smallint NOT NULL,
    stakes bigint NOT NULL,
    liability bigint NOT NULL,
    PRIMARY KEY (currency, market, selection, stripe)
) WITH (fillfactor = 50);

CREATE TRIGGER bet_stays BEFORE DELETE OR TRUNCATE ON bets.bet FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();
CREATE TRIGGER bet_keeps_its_meaning BEFORE UPDATE ON bets.bet FOR EACH ROW
WHEN (
    (old.bet, old.owner, old.client_key, old.type, old.stake, old.currency, old.placed)
    IS DISTINCT FROM (new.bet, new.owner, new.client_key, new.type, new.stake, new.currency, new.placed)
) EXECUTE FUNCTION money.refuse();
CREATE TRIGGER leg_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON bets.leg
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

-- Locks the results of these markets shared, until the transaction ends. Gives whether one of them has a result.
CREATE FUNCTION bets.lock_results(p_markets text [], p_events text []) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_locked bigint;
    v_resulted boolean;
BEGIN
    LOOP
        SELECT count(*), coalesce(bool_or(held.revision > 0), FALSE) INTO v_locked, v_resulted
        FROM (
            SELECT revision FROM bets.result WHERE market = ANY(p_markets) ORDER BY market FOR SHARE
        ) AS held;
        EXIT WHEN v_locked = cardinality(p_markets);
        INSERT INTO bets.result (market, event)
        SELECT market, event FROM unnest(p_markets, p_events) AS leg (market, event) ORDER BY market
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN v_resulted;
END
$$;

-- Adds to the exposure of these selections. The stripe is the connection's: no two of a pool wait for each other.
CREATE FUNCTION bets.expose(
    p_currency text, p_markets text [], p_selections text [], p_stake bigint, p_liability bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bets.exposure AS held (currency, market, selection, stripe, stakes, liability)
    SELECT p_currency, leg.market, leg.selection, pg_backend_pid() & 31, p_stake, p_liability
    FROM unnest(p_markets, p_selections) AS leg (market, selection)
    ORDER BY leg.market, leg.selection
    ON CONFLICT (currency, market, selection, stripe) DO UPDATE
    SET stakes = held.stakes + excluded.stakes, liability = held.liability + excluded.liability;
END
$$;

-- Whether this much more would pass the limit of a selection.
CREATE FUNCTION bets.exposed_too_much(
    p_currency text, p_markets text [], p_selections text [], p_liability bigint, p_market_max bigint
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM unnest(p_markets, p_selections) AS leg (market, selection)
        WHERE p_liability + (
            SELECT coalesce(sum(held.liability), 0) FROM bets.exposure AS held
            WHERE held.currency = p_currency AND held.market = leg.market AND held.selection = leg.selection
        ) > p_market_max
    );
END
$$;

-- `outcome`: placed; refused, because there is a result, which is final; known, with what the key was used for; or the
-- code of a refusal that leaves nothing behind, not even the key.
CREATE FUNCTION bets.place(
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
BEGIN
    SELECT * INTO v_wallet FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    v_now := clock_timestamp();
    RETURN QUERY SELECT 'known', k.verb, k.fingerprint, k.subject, k.status, k.answer
    FROM money.key AS k WHERE k.owner = p_owner AND k.client_key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;
    outcome := CASE
        WHEN p_deadline <= v_now THEN 'deadline_passed'
        WHEN p_location_until <= v_now THEN 'geo_expired'
        WHEN NOT location.stands(p_owner, p_location) THEN 'geo_superseded'  -- 0005
        WHEN v_wallet.owner IS NULL THEN 'insufficient_funds'
        WHEN v_wallet.excluded_until > v_now THEN 'excluded'
        WHEN v_wallet.currency <> p_currency THEN 'wrong_currency'
        WHEN v_wallet.stake_max < p_stake THEN 'limit_exceeded'
        WHEN NOT p_confirmed AND p_duplicate_within > '0' AND EXISTS (
            SELECT FROM bets.bet AS b
            WHERE b.owner = p_owner AND b.placed > p_placed - p_duplicate_within
            AND b.click = p_click AND b.state <> 'refused'
        ) THEN 'possible_duplicate'
        WHEN v_wallet.day_stakes_max < p_stake + (
            SELECT coalesce(sum(b.stake), 0) FROM bets.bet AS b
            WHERE b.owner = p_owner AND b.placed > p_placed - interval '24 hours' AND b.state <> 'refused'
        ) THEN 'limit_exceeded'
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

-- Waiting bets whose time has come, for this worker to decide; another gets them if it has not by `p_within`.
CREATE FUNCTION bets.take_due(p_limit integer, p_within interval)
RETURNS TABLE (bet text, owner text, stake bigint, due timestamptz) LANGUAGE sql AS $$
    UPDATE bets.bet AS taken SET taken_until = clock_timestamp() + p_within
    WHERE taken.bet IN (
        SELECT waiting.bet FROM bets.bet AS waiting
        WHERE waiting.state = 'pending_acceptance' AND waiting.due <= clock_timestamp()
        AND (waiting.taken_until IS NULL OR waiting.taken_until < clock_timestamp())
        ORDER BY waiting.due LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    RETURNING taken.bet, taken.owner, taken.stake, taken.due
$$;

-- Decides a waiting bet, once; gives its state. `p_kinds`, `p_amounts`: the journal that gives the stake back.
CREATE FUNCTION bets.decide(
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
