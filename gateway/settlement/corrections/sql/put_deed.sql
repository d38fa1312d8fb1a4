-- Who did what. $1 correction, $2 when, $3 who, $4 what, $5 more, JSON.
INSERT INTO correction.deed (correction, at, who, what, detail) VALUES ($1, $2, $3, $4, $5::jsonb)
