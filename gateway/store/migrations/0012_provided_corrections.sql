-- What providers say against a market whose bets were settled: it is held until a correction brings it into force. Owned by
-- gateway/settlement.
--
-- A held saying is in force for nobody: neither the settlers nor a recount look at it. It leaves by becoming a saying, or it
-- stays, refused, because somebody ended its correction: the same saying that comes again is not news.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

-- Columns as of settlement.saying. `correction`: the job that it is in; null: none so far.
CREATE TABLE settlement.held (
    market text NOT NULL,
    saying text NOT NULL,
    event text NOT NULL,
    feed text NOT NULL,
    kind text NOT NULL,
    ts bigint NOT NULL,
    certainty smallint NOT NULL,
    from_ms bigint,
    to_ms bigint,
    body text NOT NULL,
    lane smallint NOT NULL,
    epoch text NOT NULL,
    s bigint NOT NULL,
    received timestamptz NOT NULL DEFAULT clock_timestamp(),
    correction text REFERENCES correction.job (correction),
    refused boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (market, saying),
    CONSTRAINT held_refused_with_its_job CHECK (NOT refused OR correction IS NOT NULL)
);
CREATE INDEX held_event ON settlement.held (event, received) WHERE NOT refused;
CREATE INDEX held_correction ON settlement.held (correction);

CREATE FUNCTION settlement.check_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM settlement.saying WHERE market = old.market AND saying = old.saying;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'what was said of market % is neither in force nor refused', old.market
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN old;
END
$$;
CREATE TRIGGER held_becomes_a_saying BEFORE DELETE ON settlement.held
FOR EACH ROW EXECUTE FUNCTION settlement.check_release();
CREATE TRIGGER held_keeps_its_meaning BEFORE UPDATE ON settlement.held FOR EACH ROW
WHEN (
    old.refused
    OR (old.market, old.saying, old.event, old.feed, old.kind, old.ts, old.body, old.received)
    IS DISTINCT FROM (new.market, new.saying, new.event, new.feed, new.kind, new.ts, new.body, new.received)
) EXECUTE FUNCTION money.refuse();
CREATE TRIGGER held_stays BEFORE TRUNCATE ON settlement.held FOR EACH STATEMENT EXECUTE FUNCTION money.refuse();

-- `provided`: drafted by a settler from what providers said; settlers apply it once it is approved.
ALTER TABLE correction.job ADD COLUMN provided boolean NOT NULL DEFAULT FALSE;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX job_provided ON correction.job (drafted) WHERE provided AND state NOT IN ('done', 'aborted');
