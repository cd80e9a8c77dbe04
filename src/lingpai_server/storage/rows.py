"""Rows to records, and lists to text. Refuses to know conditions: a SELECT here has no WHERE.

Each SELECT stands beside the function that reads its columns by position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from lingpai_server.core.records import (
    AccountStatus,
    Api,
    Bucket,
    Client,
    Event,
    Family,
    KeyPurpose,
    KeyState,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.core.secret import Secret

Row: TypeAlias = tuple[Any, ...]
Detail: TypeAlias = dict[str, str | int | bool | None]

_encoder = msgspec.json.Encoder()
_texts = msgspec.json.Decoder(tuple[str, ...])
_detail = msgspec.json.Decoder(Detail)

USERS = """
SELECT user_id, username, password_hash, status, access_version, created_at
  FROM users
"""

CLIENTS = """
SELECT client_id, name, secret_sha256, first_party, grant_types, scopes, audiences,
       disabled, access_version, created_at
  FROM clients
"""

APIS = """
SELECT audience, name, algorithm, scopes, access_ttl_seconds, access_version, created_at
  FROM apis
"""

ROLES = """
SELECT audience, name, permissions
  FROM roles
"""

BUCKETS = """
SELECT name, failures, updated_at, blocked_until
  FROM buckets
"""

KEYS = """
SELECT kid, purpose, algorithm, state, sealed, created_at, audience, version
  FROM keys
"""

EVENTS = """
SELECT seq, kind, at, user_id, client_id, session_id, address, detail
  FROM events
"""


def texts(values: Iterable[str]) -> str:
    """A list of text as it rests in one column."""
    return _encoder.encode(tuple(values)).decode()


def detail(values: Mapping[str, str | int | bool | None]) -> str:
    """An event's detail as it rests in one column."""
    return _encoder.encode(dict(values)).decode()


def to_texts(column: str) -> tuple[str, ...]:
    """The reverse of `texts`."""
    return _texts.decode(column)


def to_user(row: Row) -> User:
    """A row of USERS."""
    user_id, username, password_hash, status, access_version, created_at = row
    return User(
        user_id,
        username,
        None if password_hash is None else Secret(password_hash),
        AccountStatus(status),
        access_version,
        created_at,
    )


def to_client(row: Row) -> Client:
    """A row of CLIENTS."""
    client_id, name, secret, first_party, grants, scopes, audiences, disabled, version, at = row
    return Client(
        client_id,
        name,
        secret,
        bool(first_party),
        to_texts(grants),
        to_texts(scopes),
        to_texts(audiences),
        bool(disabled),
        version,
        at,
    )


def to_api(row: Row) -> Api:
    """A row of APIS."""
    audience, name, algorithm, scopes, ttl_seconds, version, at = row
    return Api(audience, name, algorithm, to_texts(scopes), ttl_seconds, version, at)


def to_role(row: Row) -> Role:
    """A row of ROLES."""
    audience, name, permissions = row
    return Role(audience, name, to_texts(permissions))


def to_session(row: Row) -> Session:
    """Nine columns, in the order of the record's fields."""
    session_id, user_id, client_id, auth_time, amr, *rest = row
    return Session(session_id, user_id, client_id, auth_time, to_texts(amr), *rest)


def to_family(row: Row) -> Family:
    """Fourteen columns, in the order of the record's fields."""
    family_id, session_id, user_id, client_id, audience, scopes, *rest = row
    return Family(family_id, session_id, user_id, client_id, audience, to_texts(scopes), *rest)


def to_bucket(row: Row) -> Bucket:
    """A row of BUCKETS."""
    return Bucket(*row)


def to_key(row: Row) -> StoredKey:
    """A row of KEYS."""
    kid, purpose, algorithm, state, *rest = row
    return StoredKey(kid, KeyPurpose(purpose), algorithm, KeyState(state), *rest)


def to_event(row: Row) -> tuple[int, Event]:
    """A row of EVENTS: its number, and what happened."""
    seq, kind, at, user_id, client_id, session_id, address, text = row
    return seq, Event(kind, at, user_id, client_id, session_id, address, _detail.decode(text))
