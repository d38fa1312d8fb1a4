-- The archive: every change of every market and event, and how its sources were. Owned by gateway/history.
--
-- A change of a market is one narrow row: its numbers, and a reference to its form, which is everything of the market
-- but `ts` and the numbers and is kept once. Keys of markets, events and forms are 64-bit hashes of their content, so
-- that nobody has to look one up to write it. `ts_log` is when the log stored the record; a partition is one UTC day
-- of it. Prices are decimal odds in thousandths.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA history;

-- One lane's log from its making until it is lost. `s`: everything up to here is archived, or stands in `hole`.
CREATE TABLE history.log (
    log smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane smallint NOT NULL,
    created text NOT NULL,
    fell_back smallint NOT NULL DEFAULT 0,
    s bigint NOT NULL DEFAULT 0,
    ts_log timestamptz NOT NULL DEFAULT '-infinity',
    UNIQUE (lane, created, fell_back)
);

-- What a cursor's epoch means: one log for each lane.
CREATE TABLE history.epoch (
    epoch text NOT NULL,
    lane smallint NOT NULL,
    log smallint NOT NULL REFERENCES history.log (log),
    PRIMARY KEY (epoch, lane)
);

-- When the log stood where: a row every few seconds, so that a position leads to a time.
CREATE TABLE history.mark (
    log smallint NOT NULL,
    s bigint NOT NULL,
    ts_log timestamptz NOT NULL,
    PRIMARY KEY (log, s)
);

-- What the archive lacks: positions that were lost before they were read, and records nobody can read.
CREATE TABLE history.hole (
    log smallint NOT NULL,
    first_s bigint NOT NULL,
    last_s bigint NOT NULL,
    after_ts_log timestamptz NOT NULL,
    noticed timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL,
    PRIMARY KEY (log, first_s)
);

CREATE TABLE history.market (
    market bigint PRIMARY KEY,
    id text NOT NULL,
    event text NOT NULL,
    first_ts_log timestamptz NOT NULL,
    gone_ts_log timestamptz,
    replaced_by text,
    replaces text
);
CREATE INDEX market_event ON history.market (event);
CREATE INDEX market_replaced_by ON history.market (replaced_by) WHERE replaced_by IS NOT NULL;
CREATE INDEX market_gone ON history.market (gone_ts_log) WHERE gone_ts_log IS NOT NULL;

-- `body`: the record as on the bus, `ts` 0, without prices. `on_offer`: market and selection open.
CREATE TABLE history.form (
    form bigint PRIMARY KEY,
    market bigint NOT NULL,
    body text NOT NULL,
    live boolean NOT NULL,
    gone boolean NOT NULL,
    selections text [] NOT NULL,
    on_offer boolean [] NOT NULL
);
CREATE INDEX form_market ON history.form (market);

-- `american` is null where the published rule gives it from `milli`; `lay`, `size`, `ltp` where no selection has one.
CREATE TABLE history.change (
    ts_log timestamptz NOT NULL,
    market bigint NOT NULL,
    form bigint NOT NULL,
    s bigint NOT NULL,
    ts bigint NOT NULL,
    log smallint NOT NULL,
    milli integer [] NOT NULL,
    american integer [],
    lay integer [],
    size bigint [],
    ltp integer []
) PARTITION BY RANGE (ts_log);
CREATE INDEX change_market ON history.change (market, ts_log);
CREATE INDEX change_time ON history.change USING brin (ts_log) WITH (pages_per_range = 32);

CREATE TABLE history.event_change (
    ts_log timestamptz NOT NULL,
    event text NOT NULL,
    s bigint NOT NULL,
    log smallint NOT NULL,
    body text NOT NULL
) PARTITION BY RANGE (ts_log);
CREATE INDEX event_change_event ON history.event_change (event, ts_log);
CREATE INDEX event_change_time ON history.event_change USING brin (ts_log) WITH (pages_per_range = 32);

-- What stood at the beginning of the first day that is kept: of every market and event that had not ended, the last row.
CREATE TABLE history.change_before (LIKE history.change INCLUDING ALL);
CREATE TABLE history.event_change_before (LIKE history.event_change INCLUDING ALL);

-- Open, high, low and close of what was on offer, by minute; kept longer than the changes.
CREATE TABLE history.minute (
    minute timestamptz NOT NULL,
    market bigint NOT NULL,
    selection text NOT NULL,
    open integer NOT NULL,
    high integer NOT NULL,
    low integer NOT NULL,
    close integer NOT NULL,
    changes integer NOT NULL
) PARTITION BY RANGE (minute);
CREATE INDEX minute_market ON history.minute (market, minute);

-- A source while its beats kept coming and said the same. `until_beat_ts`: the last beat's own time.
-- `late`: its beats came, but more than the stale age after they were made.
CREATE TABLE history.source (
    log smallint NOT NULL,
    source text NOT NULL,
    from_s bigint NOT NULL,
    from_ts_log timestamptz NOT NULL,
    until_s bigint NOT NULL,
    until_ts_log timestamptz NOT NULL,
    until_beat_ts bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('live', 'recovering', 'down', 'late')),
    PRIMARY KEY (log, source, from_s)
);

-- Days that have, or had, partitions. `compacted`: its minutes are written. Nothing before a `dropped` day is kept whole.
CREATE TABLE history.day (
    day date PRIMARY KEY,
    compacted timestamptz,
    dropped timestamptz
);
