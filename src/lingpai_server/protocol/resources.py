"""Resource indicators: which API a token is for (RFC 8707). One audience a token, never more."""

from __future__ import annotations

import string

from lingpai_server.core.records import USERINFO_AUDIENCE, Api, Client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.openid_scopes import OPENID_SCOPES

MAX_RESOURCE_CHARS = 2048
_LETTERS = frozenset(string.ascii_letters)
_SCHEME_CHARS = frozenset(string.ascii_letters + string.digits + "+-.")
# RFC 3986 appendix A: unreserved, gen-delims without "#", sub-delims, and "%" of an escape
_URI_CHARS = frozenset(string.ascii_letters + string.digits + "-._~:/?[]@!$&'()*+,;=%")
_HEX_DIGITS = frozenset(string.hexdigits)


def is_resource(text: str) -> bool:
    """Whether `text` is an absolute URI without a fragment (RFC 8707 section 2, RFC 3986 4.3)."""
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or len(text) > MAX_RESOURCE_CHARS:
        return False
    if not _is_scheme(scheme) or not _URI_CHARS.issuperset(rest):
        return False
    return all(_starts_with_escape(piece) for piece in rest.split("%")[1:])


def check_resource_syntax(resource: str | None) -> Refusal | None:
    """Refuses a `resource` that could name nothing."""
    if resource is None or is_resource(resource):
        return None
    return _refuse("resource_malformed", "The resource is not an absolute URI without a fragment.")


def choose_api(client: Client, api: Api | None, resource: str | None) -> Api | Refusal:
    """The API that a new grant is for: the one asked for, or the client's first.

    `api` is what the store found under that name. An API that is not this client's and one that
    does not exist are refused alike.
    """
    if api is None or api.audience not in client.audiences:
        return _refuse("resource_unknown", "The client may not ask for a token for this resource.")
    if resource is not None and resource != api.audience:
        return _refuse("resource_mismatch", "The client may not ask for a token for this resource.")
    return api


def wanted_audience(resource: str | None, scopes: tuple[str, ...] | None) -> str | None:
    """The audience to look up for a grant of a user: what was asked for, the issuer itself where
    only an identity is; None stands for the client's first, or the issuer if it has none."""
    if resource is None and scopes and set(scopes) <= set(OPENID_SCOPES):
        return USERINFO_AUDIENCE
    return resource


def choose_user_api(client: Client, api: Api | None, resource: str | None) -> Api | Refusal:
    """`choose_api` for a grant of a user: every client may ask who the user is."""
    if api is not None and api.audience == USERINFO_AUDIENCE and resource in {None, api.audience}:
        return api
    return choose_api(client, api, resource)


def keeps_audience(client: Client, audience: str) -> bool:
    """Whether a grant for this audience is still one that the client may have."""
    return audience == USERINFO_AUDIENCE or audience in client.audiences


def check_same_resource(resource: str | None, audience: str) -> Refusal | None:
    """A refresh is for the audience of its grant, and no other (RFC 8707 section 2.2)."""
    if resource is None or resource == audience:
        return None
    return _refuse("resource_not_granted", "The refresh token is not for this resource.")


def _is_scheme(text: str) -> bool:
    return text[:1] in _LETTERS and _SCHEME_CHARS.issuperset(text)


def _starts_with_escape(piece: str) -> bool:
    return len(piece) >= 2 and _HEX_DIGITS.issuperset(piece[:2])


def _refuse(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_TARGET, reason=reason, description=description)
