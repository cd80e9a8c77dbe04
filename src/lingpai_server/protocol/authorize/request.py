"""An authorization request, from its parameters to a typed value. Looks nothing up.

RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1 and what later documents added. What is
wrong with a value is told to the client, so nothing here is read before client and redirect are
known to be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lingpai_server.core.flow_records import PushedRequest
from lingpai_server.protocol.claims_request import ClaimsRequest, parse_claims_request
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.resources import check_resource_syntax
from lingpai_server.protocol.scopes import parse_scope

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 section 2.2
QUERY, FORM_POST = "query", "form_post"
RESPONSE_MODES = (QUERY, FORM_POST)
DISPLAYS = ("page", "popup", "touch", "wap")
MAX_SECONDS = 2**31 - 1
MAX_LOCALES = 16
MAX_NONCE_CHARS = 1024
MAX_HINT_CHARS = 256


class Prompt(StrEnum):
    """OpenID Connect Core section 3.1.2.1."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


@dataclass(frozen=True, slots=True)
class Asked:
    """What came, after a pushed or signed request took the place of the parameters.

    `pushed` is the row that it came from, by the reference `request_uri`. `problem` is what was
    wrong with a `request` or `request_uri`, to be told once it is known whom to tell. `at` is when
    it first arrived, in seconds since the epoch; `returning` says that it has been at a page of
    ours since; `being_pushed` that it comes by the back channel just now.
    """

    parameters: Mapping[str, str]
    at: int
    pushed: PushedRequest | None = None
    request_uri: str | None = None
    signed: bool = False
    problem: Refusal | None = None
    returning: bool = False
    being_pushed: bool = False

    def get(self, name: str) -> str | None:
        """One parameter; None if it was not sent."""
        return self.parameters.get(name)

    @property
    def ui_locales(self) -> tuple[str, ...]:
        """The languages that the client asks for, best first."""
        return read_locales(self.parameters)


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """The parameters that were understood. `max_age_seconds` is None where none was sent."""

    scopes: tuple[str, ...] | None
    resource: str | None
    nonce: str | None
    prompt: frozenset[Prompt]
    max_age_seconds: int | None
    acr_values: tuple[str, ...]
    claims_text: str | None
    claims: ClaimsRequest
    details: str | None
    username: str
    code_challenge: str | None
    jkt: str | None


def read_locales(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """`ui_locales`; languages that nobody speaks do no harm."""
    return tuple(parameters.get("ui_locales", "").split()[:MAX_LOCALES])


def parse_authorize(asked: Asked) -> AuthorizeRequest | Refusal:
    """The typed request, or what is wrong with it."""
    malformed = check_resource_syntax(asked.get("resource"))
    if malformed is not None:
        return malformed
    scopes = parse_scope(asked.get("scope"))
    if isinstance(scopes, Refusal):
        return scopes
    prompt = _parse_prompt(asked.get("prompt"))
    if isinstance(prompt, Refusal):
        return prompt
    max_age = _parse_seconds(asked.get("max_age"))
    if isinstance(max_age, Refusal):
        return max_age
    claims = parse_claims_request(asked.get("claims"))
    if isinstance(claims, Refusal):
        return claims
    return AuthorizeRequest(
        scopes=scopes,
        resource=asked.get("resource"),
        nonce=asked.get("nonce"),
        prompt=prompt,
        max_age_seconds=max_age,
        acr_values=tuple((asked.get("acr_values") or "").split()),
        claims_text=asked.get("claims"),
        claims=claims,
        details=asked.get("authorization_details"),
        username=(asked.get("login_hint") or "")[:MAX_HINT_CHARS],
        code_challenge=asked.get("code_challenge"),
        jkt=asked.get("dpop_jkt"),
    )


def _parse_prompt(text: str | None) -> frozenset[Prompt] | Refusal:
    """Section 3.1.2.1: `none` stands alone."""
    try:
        prompt = frozenset(map(Prompt, (text or "").split()))
    except ValueError:
        return refuse_request("prompt_unknown", "The prompt is not one that is known here.")
    if Prompt.NONE in prompt and len(prompt) > 1:
        return refuse_request("prompt_none_not_alone", "The prompt none stands alone.")
    return prompt


def _parse_seconds(text: str | None) -> int | Refusal | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return refuse_request("max_age_malformed", "The max_age is not a number of seconds.")
    return min(int(text), MAX_SECONDS)


def refuse_request(reason: str, description: str) -> Refusal:
    """RFC 6749 section 4.1.2.1, invalid_request."""
    return refuse(ErrorCode.INVALID_REQUEST, reason=reason, description=description)
