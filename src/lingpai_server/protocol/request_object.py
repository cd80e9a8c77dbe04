"""Signed authorization requests (RFC 9101, OpenID Connect Core section 6). Pure.

A request that is signed is what its client wrote, whatever became of it in the browser. An object
is never fetched from anywhere: it comes in the parameter, or is pushed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lingpai.errors import SignatureInvalid, TokenError, UnknownKey
from lingpai.jose import strict_json
from lingpai.jose.key_set import KeySet
from lingpai.jwt.policy import ANY_AUDIENCE, ANY_ISSUER, NO_TYP, Policy
from lingpai.jwt.profiles import Profile
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import peek_unverified, verify
from lingpai_server.core.client_settings import SecurityProfile
from lingpai_server.core.records import Client
from lingpai_server.protocol.client_assertion import ASSERTION_ALGORITHMS
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.profiles import rules_of

MAX_OBJECT_BYTES = 16384
LEEWAY_SECONDS = 10
_TYP = "oauth-authz-req+jwt"  # RFC 9101 section 4
_REQUEST_OBJECT = Profile("request object", None, (), audience=False, expires=False)
UNKNOWN_KEY_REASONS = frozenset(
    {
        "request_object_keys_missing",
        f"request_object_refused:{UnknownKey.code}",
        f"request_object_refused:{SignatureInvalid.code}",
    }
)
"""The private reasons where newer keys might verify what these do not."""

# what is about the object itself, and what may not be nested in one (section 4)
_NOT_PARAMETERS = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti", "sub"})
_FORBIDDEN = frozenset({"request", "request_uri"})


def algorithms_for(client: Client) -> frozenset[str]:
    """What the client registered, within what its profile allows; `none` is never among them."""
    allowed = rules_of(client).proof_algorithms or ASSERTION_ALGORITHMS
    registered = client.settings.request_object_alg
    return allowed if registered is None else allowed & {registered}


def open_request_object(
    raw: str, client: Client, keys: KeySet | None, *, issuer: str, now: float
) -> Mapping[str, str] | Refusal:
    """The parameters in the object. What it says of itself has to be right where it says it; a
    `fapi2` client has to say it (FAPI 2.0 Message Signing section 5.3)."""
    try:
        header, _ = peek_unverified(raw)
        if header.alg not in algorithms_for(client):
            return _refuse("request_object_algorithm_refused")
        if keys is None:
            return _refuse("request_object_keys_missing")
        token = verify(raw, keys, _policy(typ=_TYP if header.typ == _TYP else None), now=now)
    except TokenError as refusal:
        return _refuse(f"request_object_refused:{refusal.code}")
    reason = _why_not(token, client, issuer)
    return _read(token.claims) if reason is None else _refuse(reason)


def merge_parameters(
    outside: Mapping[str, str], inside: Mapping[str, str], client: Client
) -> dict[str, str] | Refusal:
    """The parameters that count. RFC 9101 section 6.3: those of the object and no others; OpenID
    Connect Core section 6.1, for clients that live by it, lets what is only outside stand. In
    either case the two may not contradict each other about who asks."""
    for name in ("client_id", "response_type"):
        if name in outside and inside.get(name, outside[name]) != outside[name]:
            return _refuse(f"request_object_{name}_differs")
    is_oidc = client.settings.profile is SecurityProfile.OIDC
    base = {n: v for n, v in outside.items() if n not in _FORBIDDEN} if is_oidc else {}
    return base | {"client_id": client.client_id} | dict(inside)


def _policy(*, typ: str | None) -> Policy:
    return Policy(
        issuer=ANY_ISSUER,  # compared below: it may be absent
        audience=ANY_AUDIENCE,  # the same
        typ=NO_TYP if typ is None else typ,
        profile=_REQUEST_OBJECT,
        leeway_seconds=LEEWAY_SECONDS,
        max_bytes=MAX_OBJECT_BYTES,
    )


def _why_not(token: VerifiedToken, client: Client, issuer: str) -> str | None:
    claims, required = token.claims, rules_of(client).par_required
    if ("iss" in claims or required) and token.issuer != client.client_id:
        return "request_object_issuer_differs"
    if ("aud" in claims or required) and issuer not in token.audience:
        return "request_object_audience_differs"
    if required and not ("exp" in claims and "nbf" in claims):
        return "request_object_has_no_time"
    if _FORBIDDEN & set(claims):
        return "request_object_nested"
    if claims.get("client_id", client.client_id) != client.client_id:
        return "request_object_client_id_differs"
    return None


def _read(claims: Mapping[str, Any]) -> Mapping[str, str] | Refusal:
    """Parameters are text (section 4); numbers and objects stand for their JSON."""
    parameters: dict[str, str] = {}
    for name, value in claims.items():
        if name in _NOT_PARAMETERS:
            continue
        if isinstance(value, str):
            parameters[name] = value
        elif isinstance(value, (dict, list)) or (type(value) is int and value >= 0):
            parameters[name] = strict_json.encode(value).decode("utf-8")
        else:
            return _refuse("request_object_parameter_malformed")
    return {name: value for name, value in parameters.items() if value}


def check_names(names: Collection[str]) -> Refusal | None:
    """RFC 9101 section 5: an object comes by value or by reference, not by both."""
    if set(names) >= _FORBIDDEN:
        return refuse(
            ErrorCode.INVALID_REQUEST,
            reason="request_and_request_uri",
            description="The request is there twice: by value and by reference.",
        )
    return None


def _refuse(reason: str) -> Refusal:
    return refuse(
        ErrorCode.INVALID_REQUEST_OBJECT,
        reason=reason,
        description="The request object is not one that can be taken.",
    )
