"""Pushed authorization requests (RFC 9126): checked like any other, and kept for a moment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lingpai.jose import strict_json
from lingpai.jose.crypto import sha256
from lingpai_server.core.decision import Decision
from lingpai_server.core.flow_effects import StorePushed
from lingpai_server.core.flow_records import AuthorizeFacts, PushedRequest
from lingpai_server.protocol.authorize.decide import read_wish
from lingpai_server.protocol.authorize.request import REQUEST_URI_PREFIX, Asked
from lingpai_server.protocol.authorize.steps import find_place
from lingpai_server.protocol.client_auth import authenticate_client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.requests import PresentedClient, Sender

PUSHED_SECONDS = 90
MAX_PUSHED_CHARS = 32768
# who the client is belongs to the push, not to the request
_CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True, slots=True)
class Pushed:
    """RFC 9126 section 2.2. `dpop_nonce` is to go out with the answer."""

    request_uri: str
    expires_in_seconds: int
    dpop_nonce: str | None = None


def without_credentials(parameters: Mapping[str, str]) -> dict[str, str]:
    """What the request itself is."""
    return {name: value for name, value in parameters.items() if name not in _CREDENTIALS}


@dataclass(frozen=True, slots=True)
class Kept:
    """What was pushed: the parameters that count, and whether they were signed."""

    parameters: Mapping[str, str]
    signed: bool


def read_kept(pushed: PushedRequest) -> Kept:
    """The reverse of what `decide_push` wrote."""
    members = strict_json.decode_object(pushed.parameters.encode("utf-8"))
    return Kept(members["parameters"], members["signed"])


def request_sha256(request_uri: str) -> bytes:
    """What the store knows a pushed request by."""
    return sha256(request_uri.encode("utf-8"))


def is_pushed_uri(request_uri: str) -> bool:
    """Whether it names a request that was pushed here, and not one that is somewhere else."""
    return request_uri.startswith(REQUEST_URI_PREFIX)


def decide_push(
    presented: PresentedClient,
    asked: Asked,
    facts: AuthorizeFacts,
    sender: Sender,
    *,
    reference: str,
    now: float,
) -> Decision[Pushed | Refusal]:
    """A reference to the request, if it is in order in every part (section 2.1). `reference` is 43
    characters that nobody can guess; `asked` says that it was pushed by holding no problem."""
    client = authenticate_client(presented, facts.client)
    if isinstance(client, Refusal):
        return Decision(client)
    place = find_place(asked, facts, now=now)
    if isinstance(place, Refusal):
        return Decision(_as_invalid_request(place))
    wish = read_wish(asked, place, facts.api)
    if isinstance(wish, Refusal):
        return Decision(wish)
    named = asked.get("dpop_jkt")
    if named is not None and sender.jkt not in (None, named):
        return Decision(
            refuse(
                ErrorCode.INVALID_DPOP_PROOF,
                reason="dpop_jkt_of_another_key",
                description="The proof is of another key than dpop_jkt names.",
            )
        )
    kept = {"parameters": dict(asked.parameters), "signed": asked.signed}
    text = strict_json.encode(kept).decode("utf-8")
    if len(text) > MAX_PUSHED_CHARS:
        return Decision(
            refuse(
                ErrorCode.INVALID_REQUEST,
                reason="request_too_long",
                description="The request is too long.",
            )
        )
    uri = REQUEST_URI_PREFIX + reference
    pushed = PushedRequest(
        request_sha256=request_sha256(uri),
        client_id=client.client_id,
        parameters=text,
        jkt=sender.jkt,
        expires_at=int(now) + PUSHED_SECONDS,
    )
    return Decision(Pushed(uri, PUSHED_SECONDS), (StorePushed(pushed),))


def _as_invalid_request(refusal: Refusal) -> Refusal:
    """Section 2.3: a redirect that is not registered is told to the client, who asks itself."""
    return refuse(ErrorCode.INVALID_REQUEST, reason=refusal.reason, description=refusal.description)
