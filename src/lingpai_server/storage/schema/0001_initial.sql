-- The first schema. Lists are JSON text, times are seconds since the epoch, flags are 0 or 1.
-- Tables with a key of their own are WITHOUT ROWID: one look-up finds the row.
-- What is not here on purpose: tokens (never stored) and enumerations in CHECKs (the code's own).

CREATE TABLE users (
    user_id        TEXT    NOT NULL PRIMARY KEY,
    username       TEXT    NOT NULL UNIQUE,
    password_hash  TEXT,
    status         TEXT    NOT NULL,
    access_version INTEGER NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    client_id      TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL,
    secret_sha256  BLOB,
    first_party    INTEGER NOT NULL CHECK (first_party IN (0, 1)),
    grant_types    TEXT    NOT NULL,
    scopes         TEXT    NOT NULL,
    audiences      TEXT    NOT NULL,
    disabled       INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    access_version INTEGER NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE apis (
    audience           TEXT    NOT NULL PRIMARY KEY,
    name               TEXT    NOT NULL,
    algorithm          TEXT    NOT NULL,
    scopes             TEXT    NOT NULL,
    access_ttl_seconds INTEGER NOT NULL,
    access_version     INTEGER NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE roles (
    audience    TEXT NOT NULL REFERENCES apis (audience),
    name        TEXT NOT NULL,
    permissions TEXT NOT NULL,
    PRIMARY KEY (audience, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_roles (
    user_id  TEXT NOT NULL REFERENCES users (user_id),
    audience TEXT NOT NULL,
    role     TEXT NOT NULL,
    PRIMARY KEY (user_id, audience, role),
    FOREIGN KEY (audience, role) REFERENCES roles (audience, name)
) STRICT, WITHOUT ROWID;

-- Who holds this role: a changed role raises the access version of each.
CREATE INDEX user_roles_by_role ON user_roles (audience, role);

CREATE TABLE client_roles (
    client_id TEXT NOT NULL REFERENCES clients (client_id),
    audience  TEXT NOT NULL,
    role      TEXT NOT NULL,
    PRIMARY KEY (client_id, audience, role),
    FOREIGN KEY (audience, role) REFERENCES roles (audience, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX client_roles_by_role ON client_roles (audience, role);

CREATE TABLE sessions (
    session_id        TEXT    NOT NULL PRIMARY KEY,
    user_id           TEXT    NOT NULL REFERENCES users (user_id),
    client_id         TEXT    NOT NULL REFERENCES clients (client_id),
    auth_time         INTEGER NOT NULL,
    amr               TEXT    NOT NULL,
    idle_deadline     INTEGER NOT NULL,
    absolute_deadline INTEGER NOT NULL,
    ended_at          INTEGER,
    end_reason        TEXT
) STRICT, WITHOUT ROWID;

-- "Sign out everywhere", and the oldest to remove. No index holds a column that a refresh changes.
CREATE INDEX sessions_live_by_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_absolute_deadline ON sessions (absolute_deadline);

-- One row for all refresh tokens of a grant, however often it rotates.
CREATE TABLE families (
    family_id         BLOB    NOT NULL PRIMARY KEY,
    session_id        TEXT    NOT NULL REFERENCES sessions (session_id),
    user_id           TEXT    NOT NULL REFERENCES users (user_id),
    client_id         TEXT    NOT NULL REFERENCES clients (client_id),
    audience          TEXT    NOT NULL REFERENCES apis (audience),
    scopes            TEXT    NOT NULL,
    generation        INTEGER NOT NULL,
    rotated_at        REAL    NOT NULL,
    idle_deadline     INTEGER NOT NULL,
    absolute_deadline INTEGER NOT NULL,
    key_version       INTEGER NOT NULL,
    jkt               TEXT,
    revoked_at        INTEGER,
    revoked_reason    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX families_by_session ON families (session_id);
CREATE INDEX families_by_absolute_deadline ON families (absolute_deadline);

CREATE TABLE buckets (
    name          TEXT NOT NULL PRIMARY KEY,
    failures      REAL NOT NULL,
    updated_at    REAL NOT NULL,
    blocked_until REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX buckets_by_updated_at ON buckets (updated_at);

CREATE TABLE keys (
    kid        TEXT    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    algorithm  TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    audience   TEXT    NOT NULL,
    version    INTEGER NOT NULL
) STRICT;

-- Refresh keys are counted, and two processes that start at once must not count alike.
CREATE UNIQUE INDEX keys_refresh_version ON keys (version) WHERE purpose = 'refresh';

-- The outbox. It outlives what it speaks of, so nothing here is a foreign key; a number, once
-- given, is never given again, so a reader that has seen it has seen it.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    at         REAL NOT NULL,
    user_id    TEXT,
    client_id  TEXT,
    session_id TEXT,
    address    TEXT,
    detail     TEXT NOT NULL
) STRICT;

-- One row, written by each readiness check: proof that a write reaches the disk.
CREATE TABLE pulse (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    beats INTEGER NOT NULL
) STRICT;

INSERT INTO pulse (id, beats) VALUES (1, 0);
