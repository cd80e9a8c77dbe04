"""APIs and their roles. The secret of an HS256 API is shown when it is made, and never again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS
from lingpai_server.app.admin.clients import check_scopes
from lingpai_server.app.admin.keys import SIGNING_ALGORITHMS, ensure_signing_key
from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.encryption import load_recipient
from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.effects import CreateApi, Effect, PutRole, StoreKey
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import ReplaceApi
from lingpai_server.core.records import USERINFO_AUDIENCE, Api, Role
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.resources import is_resource

SYMMETRIC_ALGORITHMS = ("HS256",)
ALGORITHMS = (*SIGNING_ALGORITHMS, *SYMMETRIC_ALGORITHMS)
MIN_TOKEN_BYTES, MAX_TOKEN_BYTES = 512, 65536
_MAX_NAME_CHARS = 128
_MAX_TEXT_CHARS = 256


@dataclass(frozen=True, slots=True)
class ApiWithSecret:
    """`jwk` is the symmetric key to hand to the API, once; None where the JWKS is enough."""

    api: Api
    jwk: Secret[str] | None


@dataclass(frozen=True, slots=True)
class ApiChange:
    """What to change of an API; None leaves it. `settings` names fields of ApiSettings."""

    name: str | None = None
    algorithm: str | None = None
    scopes: tuple[str, ...] | None = None
    access_ttl_seconds: int | None = None
    settings: Mapping[str, Any] | None = None


async def create_api(
    office: Office,
    audience: str,
    *,
    name: str,
    algorithm: str,
    scopes: tuple[str, ...],
    access_ttl_seconds: int | None = None,
    settings: ApiSettings | None = None,
) -> ApiWithSecret:
    """A new API. Raises Rejected or AlreadyExists."""
    if not is_resource(audience):
        raise Rejected("an API is named by an absolute URI without a fragment (RFC 8707 section 2)")
    ttl_seconds = office.access_ttl_seconds if access_ttl_seconds is None else access_ttl_seconds
    known = settings or ApiSettings()
    api = Api(audience, name, algorithm, scopes, ttl_seconds, 1, office.seconds(), known)
    await _check(office, api)
    created = office.event(EventKind.API_CREATED, audience=audience, algorithm=algorithm)
    effects: list[Effect] = [CreateApi(api), created]
    jwk = _make_secret(office, api, effects)
    await office.store.apply(effects)
    return ApiWithSecret(api, jwk)


async def update_api(office: Office, audience: str, change: ApiChange) -> ApiWithSecret:
    """The API as changed, with a secret if HS256 is new to it. Raises Rejected or StaleState."""
    api = await find_api(office, audience)
    if audience == USERINFO_AUDIENCE:
        raise Rejected("the issuer's own API is as it is")
    changed = replace(
        api,
        name=api.name if change.name is None else change.name,
        algorithm=api.algorithm if change.algorithm is None else change.algorithm,
        scopes=api.scopes if change.scopes is None else change.scopes,
        access_ttl_seconds=change.access_ttl_seconds or api.access_ttl_seconds,
        settings=replace(api.settings, **(change.settings or {})),
    )
    await _check(office, changed)
    effects: list[Effect] = [
        ReplaceApi(changed),
        office.event(EventKind.API_REPLACED, audience=audience),
    ]
    is_new = changed.algorithm != api.algorithm
    jwk = _make_secret(office, changed, effects) if is_new else None
    await office.store.apply(effects)
    return ApiWithSecret(await find_api(office, audience), jwk)


async def find_api(office: Office, audience: str) -> Api:
    """The API of that audience. Raises Rejected if there is none."""
    api = await office.store.load_api(audience)
    if api is None:
        raise Rejected(f"there is no API {audience!r}")
    return api


async def put_role(office: Office, audience: str, name: str, permissions: Sequence[str]) -> Role:
    """Create a role, or replace its permissions. Raises Rejected if there is no such API."""
    await find_api(office, audience)
    for text in (name, *permissions):
        if not text or not text.isprintable() or len(text) > _MAX_NAME_CHARS:
            raise Rejected("a role or permission is 1 to 128 printable characters")
    role = Role(audience, name, tuple(sorted(set(permissions))))
    put = office.event(EventKind.ROLE_PUT, audience=audience, role=name)
    await office.store.apply([PutRole(role), put])
    return role


def _make_secret(office: Office, api: Api, effects: list[Effect]) -> Secret[str] | None:
    if api.algorithm not in SYMMETRIC_ALGORITHMS:
        return None
    key, jwk = office.maker.make_api_secret(api.audience, api.algorithm, now=office.seconds())
    effects.append(StoreKey(key))
    return jwk


async def _check(office: Office, api: Api) -> None:
    if api.algorithm not in ALGORITHMS:
        raise Rejected(f"{api.algorithm!r} is no choice; there are {', '.join(ALGORITHMS)}")
    check_scopes(api.scopes)
    _check_settings(api)
    if api.algorithm in SIGNING_ALGORITHMS:
        await ensure_signing_key(office, api.algorithm)


def _check_settings(api: Api) -> None:
    settings = api.settings
    if not MIN_TOKEN_BYTES <= settings.max_token_bytes <= MAX_TOKEN_BYTES:
        raise Rejected(f"the budget of a token is {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} bytes")
    if (settings.format is TokenFormat.JWE) != (settings.encryption_jwk is not None):
        raise Rejected("an API has an encryption key if its tokens are encrypted, and only then")
    if settings.encryption_jwk is not None:
        _check_encryption(settings.encryption_jwk, settings.encryption_enc)
    for name, text in settings.scope_texts.items():
        if name.partition("#")[0] not in api.scopes:
            raise Rejected(f"{name!r} is a text for a scope that the API does not have")
        if not text or not text.isprintable() or len(text) > _MAX_TEXT_CHARS:
            raise Rejected(f"the text of a scope is 1 to {_MAX_TEXT_CHARS} printable characters")


def _check_encryption(jwk: str, enc: str) -> None:
    if enc not in CONTENT_ENCRYPTIONS:
        raise Rejected(f"{enc!r} is no choice; there are {', '.join(CONTENT_ENCRYPTIONS)}")
    try:
        load_recipient(jwk)
    except InvalidKey as error:
        raise Rejected(f"the encryption key cannot be used: {error}") from None
