-- $1 epoch, $2 lane, $3 log
INSERT INTO history.epoch (epoch, lane, log) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
