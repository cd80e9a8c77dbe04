"""Device authorization (RFC 8628): a device shows a code, and a person lets it in. Pure.

What the device itself polls with is `token/device.py`; here are its first request, and the page on
which a person who is logged in types the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lingpai_server.accounts.throttle import (
    BucketNames,
    ThrottlePolicy,
    ThrottleRule,
    network_of,
    refund_attempt,
)
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, Record, RequireVersion
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import MoveDevice, StoreDevice
from lingpai_server.core.flow_records import (
    AuthorizeFacts,
    BrowserFacts,
    BrowserSession,
    DeviceGrant,
    DeviceState,
)
from lingpai_server.core.records import AccountStatus, Api, Client, Event, User
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorization_details import check_authorization_details
from lingpai_server.protocol.client_auth import authenticate_client, check_grant_type, parse_client
from lingpai_server.protocol.discovery import DEVICE_PATH, endpoint_url
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import DEVICE_CODE, choose_user_scopes
from lingpai_server.protocol.opaque import opaque_sha256
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival, DeviceAuthorizationRequest
from lingpai_server.protocol.resources import check_resource_syntax, choose_user_api
from lingpai_server.protocol.scopes import parse_scope
from lingpai_server.sessions.browsers import is_live

DEVICE_CODE_PREFIX = "lp_dc_"
DEVICE_SECONDS = 600
POLL_SECONDS = 5  # RFC 8628 section 3.2
USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # section 6.1: no vowels, so no words; no look-alikes
USER_CODE_CHARS = 8
USER_CODE_THROTTLE = ThrottlePolicy(
    pair=ThrottleRule(free=5, base_seconds=1, cap_seconds=900),
    account=ThrottleRule(free=10, base_seconds=1, cap_seconds=900),
    address=ThrottleRule(free=50, base_seconds=1, cap_seconds=900),
)
"""Section 5.1: 34 bits are few. Who mistypes a code has some tries; who guesses needs years."""

_GROUP_CHARS = 4
_IGNORED = str.maketrans("", "", " -\u2010\u2011\u2013\u2014\u00a0")  # what people put between


@dataclass(frozen=True, slots=True)
class FreshDevice:
    """The randomness of one device grant."""

    device_code: Secret[str]
    user_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """Section 3.2. `user_code` is as it is to be shown."""

    device_code: Secret[str]
    user_code: str = field(repr=False)
    verification_uri: str
    verification_uri_complete: str = field(repr=False)
    expires_in_seconds: int = DEVICE_SECONDS
    interval_seconds: int = POLL_SECONDS


@dataclass(frozen=True, slots=True)
class DeviceFindings:
    """What is known where a person types a user code. `found` is the browser session that came
    along, with its user; what is missing is None."""

    device: DeviceGrant | None
    client: Client | None
    api: Api | None
    found: BrowserFacts | None


@dataclass(frozen=True, slots=True)
class DevicePrompt:
    """What the person is asked: whether this client may act for them, with these scopes."""

    device: DeviceGrant
    client: Client
    api: Api
    user: User
    browser: BrowserSession


@dataclass(frozen=True, slots=True)
class DeviceDecided:
    """The person has answered; the device hears of it at its next poll."""

    client: Client
    allowed: bool


def parse_device_authorization(
    parameters: Mapping[str, str], arrival: Arrival
) -> DeviceAuthorizationRequest | Refusal:
    """Section 3.1."""
    client = parse_client(parameters, arrival.authorization)
    if isinstance(client, Refusal):
        return client
    resource = parameters.get("resource")
    scopes = check_resource_syntax(resource) or parse_scope(parameters.get("scope"))
    if isinstance(scopes, Refusal):
        return scopes
    details = parameters.get("authorization_details")
    return DeviceAuthorizationRequest(client, resource, scopes, details, arrival.address)


def decide_device_authorization(
    cmd: DeviceAuthorizationRequest,
    facts: AuthorizeFacts,
    policy: IssuePolicy,
    *,
    now: float,
    fresh: FreshDevice,
) -> Decision[DeviceAuthorization | Refusal]:
    """A device code to poll with and a user code to show."""
    client = authenticate_client(cmd.client, facts.client)
    if isinstance(client, Refusal):
        return Decision(client)
    api = check_grant_type(client, DEVICE_CODE) or choose_user_api(client, facts.api, cmd.resource)
    if isinstance(api, Refusal):
        return Decision(api)
    scopes = choose_user_scopes(client, api, cmd.scopes)
    if isinstance(scopes, Refusal):
        return Decision(scopes)
    details = check_authorization_details(cmd.authorization_details, client, api)
    if isinstance(details, Refusal):
        return Decision(details)
    device = DeviceGrant(
        device_sha256=opaque_sha256(fresh.device_code),
        user_code=fresh.user_code,
        client_id=client.client_id,
        audience=api.audience,
        scopes=scopes,
        authorization_details=details,
        jkt=cmd.sender.jkt,
        state=DeviceState.PENDING,
        interval_seconds=POLL_SECONDS,
        polled_at=0.0,
        expires_at=int(now) + DEVICE_SECONDS,
    )
    return Decision(_describe(fresh, policy), (StoreDevice(device),))


def show_user_code(user_code: str) -> str:
    """`WDJBMJHT` as `WDJB-MJHT` (section 6.1)."""
    return f"{user_code[:_GROUP_CHARS]}-{user_code[_GROUP_CHARS:]}"


def parse_user_code(text: str) -> str | None:
    """The canonical spelling of what a person typed; None for what cannot be a code. Case, spaces
    and dashes do not matter."""
    code = text[:64].translate(_IGNORED).upper()
    fits = len(code) == USER_CODE_CHARS and set(USER_CODE_ALPHABET).issuperset(code)
    return code if fits else None


def guess_names(user_id: str, address: str | None) -> BucketNames:
    """The buckets that a try at a user code counts in."""
    network = network_of(address)
    return BucketNames(
        pair=f"device-pair:{user_id}|{network}",
        account=f"device-user:{user_id}",
        address=f"device-address:{network}",
    )


def check_signed_in(found: BrowserFacts | None, *, now: float) -> BrowserFacts | Refusal:
    """Who types a code has to be logged in: who they are is what they give the device."""
    live = found is not None and is_live(found.browser, now=now)
    if found is None or not live or found.user.status is not AccountStatus.ACTIVE:
        return refuse(
            ErrorCode.LOGIN_REQUIRED, reason="browser_not_live", description="Log in first."
        )
    return found


def decide_prompt(
    findings: DeviceFindings, *, address: str | None, now: float
) -> Decision[DevicePrompt | Refusal]:
    """The question to ask. A right code gives its counted try back."""
    prompt = _find(findings, now=now)
    if isinstance(prompt, Refusal):
        return Decision(prompt)
    return Decision(prompt, refund_attempt(guess_names(prompt.user.user_id, address)))


def decide_answer(
    findings: DeviceFindings, *, allow: bool, address: str | None, now: float
) -> Decision[DeviceDecided | Refusal]:
    """The person's answer; the first one counts."""
    prompt = _find(findings, now=now)
    if isinstance(prompt, Refusal):
        return Decision(prompt)
    before, browser = prompt.device, prompt.browser
    after = replace(before, state=DeviceState.DENIED)
    if allow:
        after = replace(
            before,
            state=DeviceState.APPROVED,
            user_id=prompt.user.user_id,
            browser_id=browser.browser_id,
            auth_time=browser.auth_time,
            amr=browser.amr,
            acr=browser.acr,
        )
    effects: Effects = (
        RequireVersion("user", prompt.user.user_id, prompt.user.access_version),
        MoveDevice(before, after),
        *refund_attempt(guess_names(prompt.user.user_id, address)),
        _record(prompt, allow=allow, address=address, now=now),
    )
    return Decision(DeviceDecided(prompt.client, allow), effects)


def refuse_user_code(reason: str) -> Refusal:
    """One answer for all that is wrong with a code: a stranger learns nothing of others' codes."""
    return refuse(
        ErrorCode.INVALID_GRANT,
        reason=reason,
        description="The code is not known, or not any more.",
    )


def _find(findings: DeviceFindings, *, now: float) -> DevicePrompt | Refusal:
    found = check_signed_in(findings.found, now=now)
    if isinstance(found, Refusal):
        return found
    device, client, api = findings.device, findings.client, findings.api
    if device is None or client is None or api is None or client.disabled:
        return refuse_user_code("user_code_unknown")
    if now >= device.expires_at:
        return refuse_user_code("user_code_expired")
    if device.state is not DeviceState.PENDING:
        return refuse_user_code("user_code_answered")
    return DevicePrompt(device, client, api, found.user, found.browser)


def _describe(fresh: FreshDevice, policy: IssuePolicy) -> DeviceAuthorization:
    uri = endpoint_url(policy.issuer, DEVICE_PATH)
    shown = show_user_code(fresh.user_code)
    return DeviceAuthorization(fresh.device_code, shown, uri, f"{uri}?user_code={shown}")


def _record(prompt: DevicePrompt, *, allow: bool, address: str | None, now: float) -> Record:
    return Record(
        Event(
            EventKind.DEVICE_APPROVED if allow else EventKind.DEVICE_DENIED,
            now,
            user_id=prompt.user.user_id,
            client_id=prompt.client.client_id,
            address=address,
            detail={"audience": prompt.api.audience},
        )
    )
