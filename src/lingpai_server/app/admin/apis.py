"""APIs and their roles. The secret of an HS256 API is shown when it is made, and never again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lingpai_server.app.admin.clients import check_scopes
from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.core.effects import CreateApi, Effect, PutRole, StoreKey
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.records import Api, Role
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.resources import is_resource

SYMMETRIC_ALGORITHMS = ("HS256",)
ALGORITHMS = ("ES256", "RS256", *SYMMETRIC_ALGORITHMS)
_MAX_NAME_CHARS = 128


@dataclass(frozen=True, slots=True)
class ApiWithSecret:
    """`jwk` is the symmetric key to hand to the API, once; None where the JWKS is enough."""

    api: Api
    jwk: Secret[str] | None


async def create_api(
    office: Office,
    audience: str,
    *,
    name: str,
    algorithm: str,
    scopes: tuple[str, ...],
    access_ttl_seconds: int | None = None,
) -> ApiWithSecret:
    """A new API. Raises Rejected or AlreadyExists."""
    if not is_resource(audience):
        raise Rejected("an API is named by an absolute URI without a fragment (RFC 8707 section 2)")
    if algorithm not in ALGORITHMS:
        raise Rejected(f"{algorithm!r} is no choice; there are {', '.join(ALGORITHMS)}")
    check_scopes(scopes)
    ttl_seconds = office.access_ttl_seconds if access_ttl_seconds is None else access_ttl_seconds
    api = Api(audience, name, algorithm, scopes, ttl_seconds, 1, office.seconds())
    effects: list[Effect] = [
        CreateApi(api),
        office.event(EventKind.API_CREATED, audience=audience, algorithm=algorithm),
    ]
    jwk = None
    if algorithm in SYMMETRIC_ALGORITHMS:
        key, jwk = office.maker.make_api_secret(audience, algorithm, now=office.seconds())
        effects.append(StoreKey(key))
    await office.store.apply(effects)
    return ApiWithSecret(api, jwk)


async def put_role(office: Office, audience: str, name: str, permissions: Sequence[str]) -> Role:
    """Create a role, or replace its permissions. Raises Rejected if there is no such API."""
    if await office.store.load_api(audience) is None:
        raise Rejected(f"there is no API {audience!r}")
    for text in (name, *permissions):
        if not text or not text.isprintable() or len(text) > _MAX_NAME_CHARS:
            raise Rejected("a role or permission is 1 to 128 printable characters")
    role = Role(audience, name, tuple(sorted(set(permissions))))
    put = office.event(EventKind.ROLE_PUT, audience=audience, role=name)
    await office.store.apply([PutRole(role), put])
    return role
