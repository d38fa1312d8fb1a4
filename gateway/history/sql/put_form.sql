INSERT INTO history.form (form, market, body, live, gone, selections, on_offer)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (form) DO NOTHING
