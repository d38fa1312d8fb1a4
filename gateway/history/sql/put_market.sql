-- A market that began, ended or came back.
INSERT INTO history.market AS known (market, id, event, first_ts_log, gone_ts_log, replaced_by, replaces)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (market) DO UPDATE
SET gone_ts_log = excluded.gone_ts_log, replaced_by = excluded.replaced_by, replaces = excluded.replaces
