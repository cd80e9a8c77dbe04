"""Client metadata: from the JSON that describes a client to its settings, and back, by one table.

RFC 7591 section 2, OpenID Connect Registration section 2, and what later documents added. Whatever
is not in the table is ignored, as RFC 7591 section 2 asks. Refuses to know who registers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from lingpai.errors import InvalidKey
from lingpai.jose import strict_json
from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS
from lingpai.jose.jwk import PRIVATE_MEMBERS
from lingpai_server.core.client_settings import (
    ClientSettings,
    Encryption,
    SubjectType,
)
from lingpai_server.core.records import Client
from lingpai_server.protocol.client_assertion import ASSERTION_ALGORITHMS
from lingpai_server.protocol.client_jwks import read_client_jwks
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.id_token import ID_TOKEN_HASHES
from lingpai_server.protocol.registered_uris import (
    NATIVE,
    WEB,
    why_not_called,
    why_not_page,
    why_not_redirect,
)

MAX_LIST = 32
MAX_TEXT_CHARS = 256
MAX_SECONDS = 2**31 - 1
# what a client may want encrypted to a key of its own
KEY_ENCRYPTIONS = (
    *("RSA-OAEP", "RSA-OAEP-256"),
    *("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client may choose from here. `auth_methods` are those that the way it registers leaves
    it; `signing` are the algorithms that the issuer has keys for; `loopback` lets the server call
    its own machine."""

    auth_methods: Collection[str]
    signing: Collection[str]
    loopback: bool = False
    application_type: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value, in words that follow its name."""

    text: str


Read: TypeAlias = Callable[[Any, Offer], Any]
"""From a JSON value to the value of a setting, or a Problem."""


@dataclass(frozen=True, slots=True)
class Row:
    """One name of the metadata, the setting behind it, and how it gets there and back."""

    name: str
    attribute: str
    read: Read
    show: Callable[[Any], Any] = field(default=lambda value: value)


def _text(value: Any, offer: Offer) -> Any:
    del offer
    if isinstance(value, str) and 0 < len(value) <= MAX_TEXT_CHARS and value.isprintable():
        return value
    return Problem(f"is not a text of 1 to {MAX_TEXT_CHARS} characters in one line")


def _flag(value: Any, offer: Offer) -> Any:
    del offer
    return value if isinstance(value, bool) else Problem("is neither true nor false")


def _seconds(value: Any, offer: Offer) -> Any:
    del offer
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= MAX_SECONDS else Problem("is no number of seconds")


def _one_of(choices: Callable[[Offer], Collection[str]]) -> Read:
    def read(value: Any, offer: Offer) -> Any:
        offered = choices(offer)
        if isinstance(value, str) and value in offered:
            return value
        return Problem(f"is not one of {', '.join(sorted(offered))}")

    return read


def _uri(why_not: Callable[[str, Offer], str | None]) -> Read:
    def read(value: Any, offer: Offer) -> Any:
        problem = why_not(value, offer) if isinstance(value, str) else "is not a text"
        return value if problem is None else Problem(problem)

    return read


def _list(read_item: Read) -> Read:
    def read(value: Any, offer: Offer) -> Any:
        if not isinstance(value, list) or len(value) > MAX_LIST:
            return Problem(f"is not an array of at most {MAX_LIST}")
        items = [read_item(item, offer) for item in value]
        problem = next((item for item in items if isinstance(item, Problem)), None)
        return tuple(dict.fromkeys(items)) if problem is None else problem

    return read


def _jwks(value: Any, offer: Offer) -> Any:
    """RFC 7517 section 5. A private key is refused, not left out: its owner must hear of it."""
    del offer
    members = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(members, list):
        return Problem("is no JWK Set")
    secret = (PRIVATE_MEMBERS & set(key) for key in members if isinstance(key, dict))
    if any(secret):
        return Problem("holds a private key, which now is no secret any more")
    text = strict_json.encode({"keys": members}).decode("utf-8")
    try:
        usable = read_client_jwks(text).keys
    except InvalidKey as error:
        return Problem(f"cannot be used: {error}")
    return text if usable else Problem("holds no key that can be used")


def _subject_type(value: Any, offer: Offer) -> Any:
    del offer
    try:
        return SubjectType(value)
    except ValueError:
        return Problem("is neither public nor pairwise")


_PAGE = _uri(lambda uri, _: why_not_page(uri))
_CALLED = _uri(lambda uri, offer: why_not_called(uri, loopback=offer.loopback))
_REDIRECT = _uri(lambda uri, offer: why_not_redirect(uri, offer.application_type))
_SIGNING = _one_of(lambda offer: [name for name in offer.signing if name in ID_TOKEN_HASHES])
_PROVING = _one_of(lambda _: ASSERTION_ALGORITHMS)


def _show_list(value: tuple[str, ...]) -> list[str]:
    return list(value)


ROWS: tuple[Row, ...] = (
    # RFC 7591 section 2
    Row("redirect_uris", "redirect_uris", _list(_REDIRECT), _show_list),
    Row("token_endpoint_auth_method", "auth_method", _one_of(lambda offer: offer.auth_methods)),
    Row("jwks", "jwks", _jwks, lambda text: strict_json.decode(text.encode("utf-8"))),
    Row("jwks_uri", "jwks_uri", _CALLED),
    Row("client_uri", "client_uri", _PAGE),
    Row("logo_uri", "logo_uri", _PAGE),
    Row("policy_uri", "policy_uri", _PAGE),
    Row("tos_uri", "tos_uri", _PAGE),
    Row("contacts", "contacts", _list(_text), _show_list),
    Row("software_id", "software_id", _text),
    Row("software_version", "software_version", _text),
    # OpenID Connect Registration section 2
    Row("application_type", "application_type", _one_of(lambda _: (WEB, NATIVE))),
    Row("token_endpoint_auth_signing_alg", "auth_signing_alg", _PROVING),
    Row("subject_type", "subject_type", _subject_type, str),
    Row("sector_identifier_uri", "sector_identifier_uri", _CALLED),
    Row("id_token_signed_response_alg", "id_token_alg", _SIGNING),
    Row("userinfo_signed_response_alg", "userinfo_alg", _SIGNING),
    Row("request_object_signing_alg", "request_object_alg", _PROVING),
    Row("request_uris", "request_uris", _list(_PAGE), _show_list),
    Row("default_max_age", "default_max_age_seconds", _seconds),
    Row("require_auth_time", "require_auth_time", _flag),
    Row("default_acr_values", "default_acr_values", _list(_text), _show_list),
    Row("initiate_login_uri", "initiate_login_uri", _PAGE),
    # RP-Initiated Logout section 3.1, Back-Channel Logout section 2.2
    Row("post_logout_redirect_uris", "post_logout_redirect_uris", _list(_REDIRECT), _show_list),
    Row("backchannel_logout_uri", "backchannel_logout_uri", _CALLED),
    # RFC 8705 sections 2.1.2 and 3.4, RFC 9449 section 5.2
    Row("tls_client_auth_subject_dn", "tls_subject_dn", _text),
    Row("tls_client_certificate_bound_access_tokens", "tls_bound", _flag),
    Row("dpop_bound_access_tokens", "dpop_bound", _flag),
    # RFC 9126 section 6, RFC 9101 section 10.5, RFC 9396 section 10, RFC 9701 section 6
    Row("require_pushed_authorization_requests", "require_par", _flag),
    Row("require_signed_request_object", "require_signed_request", _flag),
    Row("authorization_details_types", "authorization_details_types", _list(_text), _show_list),
    Row("introspection_signed_response_alg", "introspection_alg", _SIGNING),
)

# two names, one setting: `alg` decides, `enc` has a default (OpenID Connect Registration section 2)
ENCRYPTIONS = {
    "id_token_encrypted_response": "id_token_encryption",
    "userinfo_encrypted_response": "userinfo_encryption",
}
_ALG = _one_of(lambda _: KEY_ENCRYPTIONS)
_ENC = _one_of(lambda _: CONTENT_ENCRYPTIONS)
_REDIRECT_NAMES = frozenset({"redirect_uris", "post_logout_redirect_uris"})


def read_settings(
    members: Mapping[str, Any], base: ClientSettings, offer: Offer
) -> ClientSettings | Refusal:
    """The settings that the metadata describes; what it leaves out gets its default, and what is
    not the client's to say stays as it is in `base`."""
    application_type = members.get("application_type")
    known = replace(offer, application_type=application_type if application_type == WEB else None)
    defaults = ClientSettings()
    values: dict[str, Any] = {}
    for row in ROWS:
        given = members.get(row.name)
        value = getattr(defaults, row.attribute) if given is None else row.read(given, known)
        if isinstance(value, Problem):
            return refuse_metadata(row.name, value.text)
        values[row.attribute] = value
    for name, attribute in ENCRYPTIONS.items():
        value = _read_encryption(members, name, known)
        if isinstance(value, Refusal):
            return value
        values[attribute] = value
    return replace(base, **values)


def show_settings(client: Client) -> dict[str, Any]:
    """The metadata that stands for a client's settings: whatever is not as it is by default, and
    what a client has to know in any case."""
    settings, defaults = client.settings, ClientSettings()
    shown: dict[str, Any] = {}
    for row in ROWS:
        value = getattr(settings, row.attribute)
        if value != getattr(defaults, row.attribute) or row.name in _ALWAYS_SHOWN:
            shown[row.name] = row.show(value)
    for name, attribute in ENCRYPTIONS.items():
        encryption: Encryption | None = getattr(settings, attribute)
        if encryption is not None:
            shown |= {f"{name}_alg": encryption.alg, f"{name}_enc": encryption.enc}
    return shown


_ALWAYS_SHOWN = frozenset(
    {"redirect_uris", "subject_type", "id_token_signed_response_alg", "token_endpoint_auth_method"}
)


def refuse_metadata(name: str, problem: str) -> Refusal:
    """RFC 7591 section 3.2.2: redirects have a code of their own."""
    is_redirect = name in _REDIRECT_NAMES
    return refuse(
        ErrorCode.INVALID_REDIRECT_URI if is_redirect else ErrorCode.INVALID_CLIENT_METADATA,
        reason=f"{name}_invalid",
        description=f"{name}: {problem}.",
    )


def _read_encryption(
    members: Mapping[str, Any], name: str, offer: Offer
) -> Encryption | Refusal | None:
    alg, enc = members.get(f"{name}_alg"), members.get(f"{name}_enc")
    if alg is None:
        if enc is None:
            return None
        return refuse_metadata(f"{name}_enc", f"needs {name}_alg beside it")
    read_alg = _ALG(alg, offer)
    if isinstance(read_alg, Problem):
        return refuse_metadata(f"{name}_alg", read_alg.text)
    read_enc = Encryption(read_alg).enc if enc is None else _ENC(enc, offer)
    if isinstance(read_enc, Problem):
        return refuse_metadata(f"{name}_enc", read_enc.text)
    return Encryption(read_alg, read_enc)
