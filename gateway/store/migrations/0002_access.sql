-- Who may ask: API keys, and whose tokens were taken back. Owned by gateway/access.
--
-- Of a key its hash alone is kept (SHA-256 of 256 random bits and more). Rows are never changed but for `revoked`, and
-- never deleted: workers remember keys and look for what was revoked lately.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA access;

CREATE TABLE access.api_key (
    id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{12}$'),
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    name text NOT NULL CHECK (char_length(name) <= 100),
    scopes text [] NOT NULL CHECK (cardinality(scopes) > 0),
    plan text NOT NULL,
    account text CHECK (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz,
    revoked timestamptz
);

CREATE INDEX api_key_revoked ON access.api_key (revoked) WHERE revoked IS NOT NULL;
CREATE INDEX api_key_account ON access.api_key (account) WHERE account IS NOT NULL;

-- Every token of the account that was minted up to `at` is worth nothing.
CREATE TABLE access.revoked_account (
    account text PRIMARY KEY CHECK (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    at timestamptz NOT NULL
);

CREATE INDEX revoked_account_at ON access.revoked_account (at);
