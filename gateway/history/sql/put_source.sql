INSERT INTO history.source (log, source, state, from_s, from_ts_log, until_s, until_ts_log, until_beat_ts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (log, source, from_s) DO UPDATE
SET
    until_s = excluded.until_s,
    until_ts_log = excluded.until_ts_log,
    until_beat_ts = excluded.until_beat_ts
