-- The OpenID provider: what clients, APIs and people declare, and what lives between two requests.
-- A column ending in _sha256, browser_id and digest hold the digest of what is nowhere else.

ALTER TABLE users ADD COLUMN claims TEXT NOT NULL DEFAULT '{}';
ALTER TABLE apis ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE clients ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
-- A client that was deleted is disabled for ever; its row goes once nothing refers to it.
ALTER TABLE clients ADD COLUMN deleted_at INTEGER;

CREATE INDEX clients_deleted ON clients (deleted_at) WHERE deleted_at IS NOT NULL;

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
ALTER TABLE sessions ADD COLUMN notify INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1));
ALTER TABLE sessions ADD COLUMN claims TEXT;
-- When the client is next to be told of the end, null when there is nothing to tell: the session
-- lives, or the notice is done with. And how often that was tried.
ALTER TABLE sessions ADD COLUMN notify_at INTEGER;
ALTER TABLE sessions ADD COLUMN notify_attempts INTEGER NOT NULL DEFAULT 0;

CREATE INDEX sessions_live_by_browser ON sessions (browser_id)
 WHERE browser_id IS NOT NULL AND ended_at IS NULL;
CREATE INDEX sessions_to_tell ON sessions (notify_at) WHERE notify_at IS NOT NULL;

ALTER TABLE families ADD COLUMN x5t TEXT;
ALTER TABLE families ADD COLUMN authorization_details TEXT;

-- What refers to a client that is deleted, in the tables that grow; the others are emptied in
-- minutes.
CREATE INDEX sessions_by_client ON sessions (client_id);
CREATE INDEX families_by_client ON families (client_id);

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
    user_id               TEXT    REFERENCES users (user_id),
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

CREATE INDEX consents_by_client ON consents (client_id);

-- What may be used once and was: the replay store that all processes share.
CREATE TABLE spent (
    purpose    TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_by_expires_at ON spent (expires_at);
