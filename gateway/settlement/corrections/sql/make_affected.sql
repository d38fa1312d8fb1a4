-- Bets that a correction may be about, while its impact is computed.
CREATE TEMPORARY TABLE affected (owner text NOT NULL, bet text NOT NULL, market text NOT NULL) ON COMMIT DROP
