"""What an authorization request has to fulfil, one small step a rule, in two visible tables.

Before the first table is through, nothing is sent to any redirect URI: it may be anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.core.client_settings import SecurityProfile
from lingpai_server.core.flow_records import AuthorizeFacts
from lingpai_server.core.records import Api, Client
from lingpai_server.protocol.authorization_details import check_authorization_details
from lingpai_server.protocol.authorize.request import (
    DISPLAYS,
    FORM_POST,
    MAX_NONCE_CHARS,
    QUERY,
    RESPONSE_MODES,
    Asked,
    refuse_request,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import AUTHORIZATION_CODE
from lingpai_server.protocol.pkce import METHOD, is_challenge
from lingpai_server.protocol.profiles import Rules, rules_of
from lingpai_server.protocol.redirects import is_registered

_JKT_CHARS = 43  # base64url of a SHA-256


@dataclass(frozen=True, slots=True)
class Place:
    """The client, and where its answer goes."""

    client: Client
    redirect_uri: str

    @property
    def rules(self) -> Rules:
        """Those of the client's profile."""
        return rules_of(self.client)


@dataclass(frozen=True, slots=True)
class Case:
    """A request whose client and redirect are right."""

    asked: Asked
    place: Place


def find_place(asked: Asked, facts: AuthorizeFacts, *, now: float) -> Place | Refusal:
    """Whom to answer, or why nobody can be. What is refused here is told to the person alone."""
    client = facts.client
    if client is None or client.client_id != asked.get("client_id"):
        return _refuse_page("client_unknown", "The application is not known here.")
    if client.disabled:
        return _refuse_page("client_disabled", "The application is not in use any more.")
    pushed = asked.pushed
    if pushed is not None and (pushed.used_at is not None or now >= pushed.expires_at):
        return refuse(
            ErrorCode.INVALID_REQUEST_URI,
            reason="pushed_request_over",
            description="The request has been used or has waited for too long. Start once more.",
        )
    return _find_redirect(client, asked)


def _find_redirect(client: Client, asked: Asked) -> Place | Refusal:
    """RFC 6749 section 3.1.2.3: it may be left out where one alone is registered. OpenID Connect
    Core section 3.1.2.1 has it sent in any case."""
    given, registered = asked.get("redirect_uri"), client.settings.redirect_uris
    if given is not None:
        if is_registered(given, registered):
            return Place(client, given)
        return _refuse_page(
            "redirect_uri_unknown", "The application has not registered where it wants you sent."
        )
    if len(registered) == 1 and client.settings.profile is SecurityProfile.OAUTH21:
        return Place(client, registered[0])
    return _refuse_page("redirect_uri_missing", "The request does not say where you are sent to.")


def check_problem(case: Case) -> Refusal | None:
    """A `request` or `request_uri` that could not be taken."""
    return case.asked.problem


def check_registered_grant(case: Case) -> Refusal | None:
    """RFC 6749 section 4.1.2.1, unauthorized_client."""
    if AUTHORIZATION_CODE in case.place.client.grant_types:
        return None
    return refuse(
        ErrorCode.UNAUTHORIZED_CLIENT,
        reason="grant_type_not_registered",
        description="The client may not ask for codes.",
    )


def check_response_type(case: Case) -> Refusal | None:
    """OAuth 2.1 knows codes alone."""
    wanted = case.asked.get("response_type")
    if wanted is None:
        return refuse_request("response_type_missing", "The parameter response_type is missing.")
    if wanted == "code":
        return None
    return refuse(
        ErrorCode.UNSUPPORTED_RESPONSE_TYPE,
        reason="response_type_unknown",
        description="The server gives out codes, and nothing else.",
    )


def check_response_mode(case: Case) -> Refusal | None:
    """OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode section 2."""
    wanted = case.asked.get("response_mode")
    registered = case.place.client.settings.response_modes or RESPONSE_MODES
    if wanted is None or (wanted in RESPONSE_MODES and wanted in registered):
        return None
    return refuse_request("response_mode_unknown", "The response_mode is not one known here.")


def check_pushed(case: Case) -> Refusal | None:
    """RFC 9126 section 5: who has to push, is not heard otherwise."""
    required = case.place.rules.par_required or case.place.client.settings.require_par
    if required and case.asked.pushed is None and not case.asked.being_pushed:
        return refuse_request("request_not_pushed", "This client has to push its requests.")
    return None


def check_signed(case: Case) -> Refusal | None:
    """RFC 9101 section 10.5."""
    if case.place.client.settings.require_signed_request and not case.asked.signed:
        return refuse_request("request_not_signed", "This client has to sign its requests.")
    return None


def check_unsupported(case: Case) -> Refusal | None:
    """OpenID Connect Core section 7.2.1."""
    if case.asked.get("registration") is None:
        return None
    return refuse(
        ErrorCode.REGISTRATION_NOT_SUPPORTED,
        reason="registration_sent",
        description="A client is registered beforehand, not with its request.",
    )


def check_pkce(case: Case) -> Refusal | None:
    """RFC 7636 section 4.4.1: S256, said so, and for a client that needs it also there."""
    challenge = case.asked.get("code_challenge")
    method = case.asked.get("code_challenge_method")
    if challenge is None:
        if method is not None or case.place.rules.pkce_required:
            return refuse_request("code_challenge_missing", "A code_challenge is required.")
        return None
    if method != METHOD:
        return refuse_request(
            "code_challenge_method_refused", "The code_challenge_method has to be S256."
        )
    if not is_challenge(challenge):
        return refuse_request("code_challenge_malformed", "The code_challenge is malformed.")
    return None


def check_small_things(case: Case) -> Refusal | None:
    """`display` of OpenID Connect Core 3.1.2.1, `dpop_jkt` of RFC 9449 10, sizes."""
    display, jkt = case.asked.get("display"), case.asked.get("dpop_jkt")
    if display is not None and display not in DISPLAYS:
        return refuse_request("display_unknown", "The display is not one that is known here.")
    if jkt is not None and len(jkt) != _JKT_CHARS:
        return refuse_request("dpop_jkt_malformed", "The dpop_jkt is no thumbprint.")
    if len(case.asked.get("nonce") or "") > MAX_NONCE_CHARS:
        return refuse_request("nonce_too_long", "The nonce is too long.")
    return None


REDIRECT_STEPS = (
    *(check_problem, check_registered_grant, check_response_mode, check_response_type),
    *(check_pushed, check_signed, check_unsupported, check_pkce, check_small_things),
)


def response_mode_of(asked: Asked) -> str:
    """Where even an unknown mode is asked for, its refusal has to arrive."""
    return FORM_POST if asked.get("response_mode") == FORM_POST else QUERY


def check_details(client: Client, api: Api, details: str | None) -> str | Refusal | None:
    """RFC 9396 section 5: accepted where the API declares the type."""
    return check_authorization_details(details, client, api)


def _refuse_page(reason: str, description: str) -> Refusal:
    return refuse_request(reason, description)
