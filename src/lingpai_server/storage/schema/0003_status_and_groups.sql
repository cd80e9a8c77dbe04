-- Statuses, which every verifier follows, and groups. A status is 0 VALID, 1 INVALID, 2 SUSPENDED or
-- 3 STALE.

-- One row: which life of the lists this is, and the number of the last change in it. A change takes
-- the next number in its own transaction and keeps this row locked until it is committed, so whoever
-- sees a number sees all that is below it, on an engine with several writers, too.
CREATE TABLE status_state (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch TEXT    NOT NULL,
    seq   INTEGER NOT NULL
) STRICT;

INSERT INTO status_state (id, epoch, seq) VALUES (1, lower(hex(randomblob(8))), 0);

-- A row is a slot that somebody holds, or held: without a client it is free, and stays to be taken
-- again. `current` is 1 for the one that the next token of its grant carries, and NULL for one that
-- was given up, so that a grant may have several of those in a unique index. `changed_seq` is the
-- number of its last change, NULL before the first. No column here changes with an ordinary refresh.
CREATE TABLE slots (
    list_no          INTEGER NOT NULL,
    idx              INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    changed_seq      INTEGER,
    current          INTEGER CHECK (current = 1),
    session_id       TEXT,
    client_id        TEXT,
    origin_client_id TEXT,
    audience         TEXT,
    held_until       INTEGER,
    PRIMARY KEY (list_no, idx)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX slots_of_session ON slots (session_id, client_id, audience, current)
 WHERE session_id IS NOT NULL;
CREATE UNIQUE INDEX slots_of_client ON slots (origin_client_id, client_id, audience, current)
 WHERE session_id IS NULL AND client_id IS NOT NULL;
-- What a client exchanged, in other clients' sessions or of their own.
CREATE INDEX slots_exchanged ON slots (client_id) WHERE client_id <> origin_client_id;
-- With the status, so that what differs is told from the index alone.
CREATE INDEX slots_changed ON slots (changed_seq, status) WHERE changed_seq IS NOT NULL;
CREATE INDEX slots_by_held_until ON slots (held_until) WHERE held_until IS NOT NULL;

CREATE TABLE denied_tokens (
    token_id   TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    seq        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX denied_tokens_by_expires_at ON denied_tokens (expires_at);

CREATE TABLE revoked_kids (
    kid        TEXT    NOT NULL PRIMARY KEY,
    revoked_at INTEGER NOT NULL,
    seq        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_groups (
    name        TEXT NOT NULL PRIMARY KEY,
    description TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE group_members (
    user_id    TEXT NOT NULL REFERENCES users (user_id),
    group_name TEXT NOT NULL REFERENCES user_groups (name),
    PRIMARY KEY (user_id, group_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_by_group ON group_members (group_name);

CREATE TABLE group_roles (
    group_name TEXT NOT NULL REFERENCES user_groups (name),
    audience   TEXT NOT NULL,
    role       TEXT NOT NULL,
    PRIMARY KEY (group_name, audience, role),
    FOREIGN KEY (audience, role) REFERENCES roles (audience, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_roles_by_role ON group_roles (audience, role);
