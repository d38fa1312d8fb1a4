-- Cash-outs: an open bet, or a part of its stake, is bought back. Owned by gateway/bets.
--
-- A bet's open stake is `stake - cashed_stake`; whoever settles it pays on that. A cash-out posts the bet's open hold as a
-- settlement does, with the amount as payout; of a part, the rest is put aside again, as the hold of the next turn. A bet
-- that is cashed out as a whole is `cashed_out`, and neither results nor corrections touch it any more.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

-- `cashed_stake`: what of the stake was bought back; `cashed_out`: for how much. `payout` is of what was not.
ALTER TABLE bets.bet
    ADD COLUMN cashed_stake bigint NOT NULL DEFAULT 0,
    ADD COLUMN cashed_out bigint NOT NULL DEFAULT 0;
-- squawk-ignore ban-drop-constraint
ALTER TABLE bets.bet DROP CONSTRAINT bet_check;
ALTER TABLE bets.bet
    ADD CONSTRAINT bet_potential CHECK (potential_payout >= stake - cashed_stake) NOT VALID,
    ADD CONSTRAINT bet_cashed CHECK (
        cashed_stake BETWEEN 0 AND stake AND cashed_out >= 0 AND (cashed_stake = stake) = (state = 'cashed_out')
    ) NOT VALID;

-- `turn`: of the hold that was posted. `milli`: the prices of the legs that it was offered at, in thousandths.
CREATE TABLE bets.cash_out (
    cash_out text PRIMARY KEY,
    bet text NOT NULL,
    turn smallint NOT NULL,
    owner text NOT NULL,
    client_key text NOT NULL,
    stake bigint NOT NULL CHECK (stake > 0),
    amount bigint NOT NULL CHECK (amount > 0),
    open_stake bigint NOT NULL CHECK (open_stake >= 0),
    milli integer [] NOT NULL,
    at timestamptz NOT NULL,
    location jsonb NOT NULL,
    UNIQUE (bet, turn),
    UNIQUE (owner, client_key)
);
CREATE TRIGGER cash_out_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON bets.cash_out
FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

-- squawk-ignore ban-drop-constraint
ALTER TABLE money.key DROP CONSTRAINT key_verb_check;
ALTER TABLE money.key ADD CONSTRAINT key_verb CHECK (
    verb IN ('bet', 'deposit', 'withdrawal', 'cash_out', 'tombstone')
) NOT VALID;

CREATE OR REPLACE VIEW bets.told AS
SELECT
    bet.bet, bet.client_key, bet.type, bet.stake, bet.currency, bet.potential_payout, bet.payout, bet.state, bet.reason,
    bet.revision, bet.placed, bet.location, bet.owner,
    (
        SELECT json_agg(json_build_array(
            leg.event, leg.market, leg.selection, leg.milli, leg.s, leg.policy, leg.asked
        ) ORDER BY leg.place)
        FROM bets.leg WHERE leg.bet = bet.bet
    ) AS legs,
    bet.cashed_stake, bet.cashed_out
FROM bets.bet;

-- Cashes out so much of a bet's stake, once for each key. `p_turn` and `p_open`: the hold that the offer was of, and its
-- stake. `p_potential`: what the rest may pay. Of the two journals the first takes the hold and pays, the second puts the
-- rest aside again, where there is one. `outcome`: done; known, with what the key was used for; or the code of a refusal,
-- which leaves nothing behind.
CREATE FUNCTION bets.take_cash_out(
    p_owner text, p_key text, p_fingerprint bytea, p_cash_out text, p_bet text, p_turn smallint, p_open bigint,
    p_stake bigint, p_amount bigint, p_potential bigint, p_milli integer [], p_at timestamptz, p_until timestamptz,
    p_deadline timestamptz, p_location jsonb, p_location_until timestamptz, p_while_excluded boolean,
    p_kinds text [], p_amounts bigint [], p_rest_kinds text [], p_rest_amounts bigint [], p_answer bytea
) RETURNS TABLE (outcome text, verb text, fingerprint bytea, subject text, status smallint, answer bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_bet bets.bet;
    v_turn smallint;
    v_events text [];
    v_markets text [];
    v_selections text [];
BEGIN
    PERFORM FROM money.wallet WHERE owner = p_owner FOR UPDATE;
    v_now := clock_timestamp();
    RETURN QUERY SELECT 'known', k.verb, k.fingerprint, k.subject, k.status, k.answer
    FROM money.key AS k WHERE k.owner = p_owner AND k.client_key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO v_bet FROM bets.bet WHERE bet = p_bet AND owner = p_owner FOR UPDATE;
    SELECT turn INTO v_turn FROM money.hold WHERE bet = p_bet AND state = 'open';
    subject := CASE WHEN NOT p_while_excluded THEN protection.excluded(p_owner, v_now) END;
    outcome := CASE
        WHEN v_bet.bet IS NULL THEN 'not_found'
        WHEN p_deadline <= v_now THEN 'deadline_passed'
        WHEN p_location_until <= v_now THEN 'geo_expired'
        WHEN NOT location.stands(p_owner, p_location) THEN 'geo_superseded'
        WHEN subject IS NOT NULL THEN 'excluded'
        WHEN v_bet.state <> 'accepted' OR to_jsonb(v_bet) ->> 'under_review' = 'true' THEN 'not_cashable'  -- 0010
        WHEN v_turn IS DISTINCT FROM p_turn OR v_bet.stake - v_bet.cashed_stake <> p_open THEN 'offer_changed'
        WHEN p_until <= v_now THEN 'offer_expired'
    END;
    IF outcome IS NULL THEN
        SELECT array_agg(event ORDER BY market), array_agg(market ORDER BY market), array_agg(selection ORDER BY market)
        INTO v_events, v_markets, v_selections
        FROM bets.leg WHERE bet = p_bet;
        outcome := CASE WHEN bets.lock_results(v_markets, v_events) THEN 'market_not_open' END;
    END IF;
    IF outcome IS NOT NULL THEN
        subject := CASE WHEN outcome = 'excluded' THEN subject END;
        RETURN NEXT;
        RETURN;
    END IF;
    outcome := 'done';
    verb := 'cash_out';
    fingerprint := p_fingerprint;
    subject := p_cash_out;
    status := 201;
    answer := p_answer;
    INSERT INTO money.key (owner, client_key, verb, fingerprint, subject, status, answer, made)
    VALUES (p_owner, p_key, verb, fingerprint, subject, status, answer, p_at);
    INSERT INTO bets.cash_out (
        cash_out, bet, turn, owner, client_key, stake, amount, open_stake, milli, at, location
    ) VALUES (
        p_cash_out, p_bet, p_turn, p_owner, p_key, p_stake, p_amount, p_open - p_stake, p_milli, p_at, p_location
    );
    UPDATE money.hold SET state = 'posted', resolved = money.write_journal(
        p_owner, v_bet.currency, 'bet/' || p_bet || '/cash_out/' || p_turn, 'cash_out', p_bet, p_at, p_kinds, p_amounts
    ) WHERE bet = p_bet AND state = 'open';
    IF p_stake < p_open THEN
        INSERT INTO money.hold (bet, turn, owner, currency, amount, opened)
        VALUES (p_bet, p_turn + 1, p_owner, v_bet.currency, p_open - p_stake, money.write_journal(
            p_owner, v_bet.currency, 'bet/' || p_bet || '/hold/' || p_turn + 1, 'hold', p_bet, p_at,
            p_rest_kinds, p_rest_amounts
        ));
    END IF;
    UPDATE bets.bet
    SET
        cashed_stake = cashed_stake + p_stake,
        cashed_out = cashed_out + p_amount,
        state = CASE WHEN p_stake = p_open THEN 'cashed_out' ELSE state END,
        potential_payout = CASE WHEN p_stake = p_open THEN potential_payout ELSE p_potential END
    WHERE bet = p_bet;
    PERFORM bets.expose(
        v_bet.currency, v_markets, v_selections, -p_stake,
        CASE WHEN p_stake = p_open THEN 0 ELSE p_potential - (p_open - p_stake) END - (v_bet.potential_payout - p_open)
    );
    IF p_location ->> 'receipt' IS NOT NULL THEN
        PERFORM location.used('cash_out', p_cash_out, p_owner, p_location);
    END IF;
    PERFORM money.tell(p_owner, 'cash_out', jsonb_build_object(
        'bet', p_bet, 'cash_out', p_cash_out, 'stake', p_stake, 'amount', p_amount, 'open_stake', p_open - p_stake
    ), p_at);
    RETURN NEXT;
END
$$;
