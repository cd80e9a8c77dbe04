-- The OpenID provider: what clients, APIs and people declare, and what lives between two requests.
-- A column ending in _sha256, and browser_id, is the digest of a secret that is nowhere else.

ALTER TABLE users ADD COLUMN claims TEXT NOT NULL DEFAULT '{}';
ALTER TABLE clients ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE apis ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';

CREATE TABLE browsers (
    browser_id        BLOB    NOT NULL PRIMARY KEY,
    user_id           TEXT    NOT NULL REFERENCES users (user_id),
    auth_time         INTEGER NOT NULL,
    amr               TEXT    NOT NULL,
    acr               TEXT    NOT NULL,
    idle_deadline     INTEGER NOT NULL,
    absolute_deadline INTEGER NOT NULL,
    ended_at          INTEGER,
    end_reason        TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX browsers_live_by_user ON browsers (user_id) WHERE ended_at IS NULL;
CREATE INDEX browsers_by_absolute_deadline ON browsers (absolute_deadline);

-- A session may outlive the row of the browser that it came from: no foreign key.
ALTER TABLE sessions ADD COLUMN browser_id BLOB;
ALTER TABLE sessions ADD COLUMN acr TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN offline INTEGER NOT NULL DEFAULT 0 CHECK (offline IN (0, 1));
-- Whether the client is to hear of the end, how often that was tried, and when to try again.
ALTER TABLE sessions ADD COLUMN notify INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1));
ALTER TABLE sessions ADD COLUMN notify_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN notify_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN claims TEXT;

CREATE INDEX sessions_by_browser ON sessions (browser_id) WHERE browser_id IS NOT NULL;
CREATE INDEX sessions_to_tell ON sessions (notify_at) WHERE notify = 1 AND ended_at IS NOT NULL;

ALTER TABLE families ADD COLUMN x5t TEXT;
ALTER TABLE families ADD COLUMN authorization_details TEXT;

CREATE TABLE codes (
    code_sha256           BLOB    NOT NULL PRIMARY KEY,
    client_id             TEXT    NOT NULL REFERENCES clients (client_id),
    user_id               TEXT    NOT NULL REFERENCES users (user_id),
    browser_id            BLOB    NOT NULL,
    audience              TEXT    NOT NULL REFERENCES apis (audience),
    scopes                TEXT    NOT NULL,
    redirect_uri          TEXT,
    nonce                 TEXT,
    code_challenge        TEXT,
    claims                TEXT,
    authorization_details TEXT,
    jkt                   TEXT,
    auth_time             INTEGER NOT NULL,
    amr                   TEXT    NOT NULL,
    acr                   TEXT    NOT NULL,
    issued_at             INTEGER NOT NULL,
    expires_at            INTEGER NOT NULL,
    redeemed_at           INTEGER,
    session_id            TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX codes_by_expires_at ON codes (expires_at);

CREATE TABLE pushed_requests (
    request_sha256 BLOB    NOT NULL PRIMARY KEY,
    client_id      TEXT    NOT NULL REFERENCES clients (client_id),
    parameters     TEXT    NOT NULL,
    jkt            TEXT,
    expires_at     INTEGER NOT NULL,
    used_at        INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX pushed_requests_by_expires_at ON pushed_requests (expires_at);

CREATE TABLE devices (
    device_sha256         BLOB    NOT NULL PRIMARY KEY,
    user_code             TEXT    NOT NULL UNIQUE,
    client_id             TEXT    NOT NULL REFERENCES clients (client_id),
    audience              TEXT    NOT NULL REFERENCES apis (audience),
    scopes                TEXT    NOT NULL,
    authorization_details TEXT,
    jkt                   TEXT,
    state                 TEXT    NOT NULL,
    interval_seconds      INTEGER NOT NULL,
    polled_at             REAL    NOT NULL,
    expires_at            INTEGER NOT NULL,
    user_id               TEXT,
    browser_id            BLOB,
    auth_time             INTEGER NOT NULL,
    amr                   TEXT    NOT NULL,
    acr                   TEXT    NOT NULL,
    session_id            TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_by_expires_at ON devices (expires_at);

CREATE TABLE consents (
    user_id    TEXT    NOT NULL REFERENCES users (user_id),
    client_id  TEXT    NOT NULL REFERENCES clients (client_id),
    audience   TEXT    NOT NULL REFERENCES apis (audience),
    scopes     TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id, audience)
) STRICT, WITHOUT ROWID;

-- What may be used once and was: the replay store that all processes share.
CREATE TABLE spent (
    purpose    TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_by_expires_at ON spent (expires_at);
