"""private_key_jwt: a client proves itself with a signed assertion (RFC 7523, RFC 10070). Pure.

The assertion is for this issuer and no other, short-lived, and good once: what marks it as used is
an effect, which the caller applies before it believes anything.
"""

from __future__ import annotations

from collections.abc import Collection

from lingpai.errors import KeyRefusal, SignatureInvalid, TokenError
from lingpai.jose.algorithms import SIGNATURE_ALGORITHMS
from lingpai.jose.crypto import sha256
from lingpai.jose.header import Header
from lingpai.jose.key_set import KeySet
from lingpai.jwt.policy import NO_TYP, Policy
from lingpai.jwt.profiles import CLIENT_ASSERTION
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import peek_unverified, verify
from lingpai_server.core.flow_effects import Spend
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 section 2.2
SPENT_ASSERTION = "client_assertion"
ASSERTION_ALGORITHMS = frozenset(
    name for name, row in SIGNATURE_ALGORITHMS.items() if row.kty != "oct" and not row.opt_in
)
MAX_ASSERTION_BYTES = 8192
MAX_AHEAD_SECONDS = 600  # clients make them for a minute; who steals one has this long at most
LEEWAY_SECONDS = 10
MAX_JTI_CHARACTERS = 512
UNVERIFIABLE = "client_assertion_unverifiable"
"""The private reason where other keys might verify what these do not."""

_ASSERTION_TYP = "client-authentication+jwt"  # RFC 10070


def read_assertion_subject(assertion: str) -> str | None:
    """The client that an assertion says it is of (RFC 7521 section 4.2), unverified: it decides
    whose keys are asked, and nothing else."""
    try:
        _, claims = peek_unverified(assertion)
    except TokenError:
        return None
    subject = claims.get("sub")
    return subject if isinstance(subject, str) and subject else None


def check_assertion(
    assertion: str,
    client_id: str,
    keys: KeySet,
    *,
    audiences: Collection[str],
    algorithms: Collection[str],
    now: float,
) -> Spend | Refusal:
    """What to mark as used if the assertion is this client's, for this issuer, and fresh.

    `audiences` are all that `aud` may name: whoever else it names could use it here, or we there.
    Every refusal looks the same to the client.
    """
    try:
        header, _ = peek_unverified(assertion)
        if header.alg not in algorithms:
            return refuse_assertion("client_assertion_algorithm_refused")
        token = verify(assertion, keys, _policy(header, client_id, audiences), now=now)
    except (KeyRefusal, SignatureInvalid):
        return refuse_assertion(UNVERIFIABLE)
    except TokenError as refusal:
        return refuse_assertion(f"client_assertion_refused:{refusal.code}")
    reason = _why_not(token, client_id, audiences, now=now)
    return _spend(token, client_id) if reason is None else refuse_assertion(reason)


def refuse_assertion(reason: str) -> Refusal:
    """What every client hears that is not authenticated."""
    return refuse(
        ErrorCode.INVALID_CLIENT, reason=reason, description="The client is not authenticated."
    )


def _policy(header: Header, client_id: str, audiences: Collection[str]) -> Policy:
    """RFC 10070: the typ should be its own; the older `JWT`, or none at all, is allowed."""
    return Policy(
        issuer=client_id,
        audience=audiences,
        typ=_ASSERTION_TYP if header.typ == _ASSERTION_TYP else NO_TYP,
        profile=CLIENT_ASSERTION,
        leeway_seconds=LEEWAY_SECONDS,
        max_bytes=MAX_ASSERTION_BYTES,
    )


def _why_not(
    token: VerifiedToken, client_id: str, audiences: Collection[str], *, now: float
) -> str | None:
    if token.subject != client_id:
        return "client_assertion_subject_differs"
    if not set(token.audience) <= set(audiences):
        return "client_assertion_for_others_too"
    if len(token.audience) > len(audiences):  # RFC 10070: one element, where one is allowed
        return "client_assertion_audience_repeated"
    if token.expires_at > now + MAX_AHEAD_SECONDS + LEEWAY_SECONDS:
        return "client_assertion_lives_too_long"
    if not 0 < len(token.token_id or "") <= MAX_JTI_CHARACTERS:
        return "client_assertion_jti_length"
    return None


def _spend(token: VerifiedToken, client_id: str) -> Spend:
    """Remembered for as long as it could be presented again."""
    digest = sha256(f"{client_id}\x00{token.token_id}".encode("utf-8", "surrogatepass"))
    return Spend(SPENT_ASSERTION, digest, int(token.expires_at + LEEWAY_SECONDS) + 1)
