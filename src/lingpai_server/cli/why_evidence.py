"""Where the keys and statuses for `token why` come from: over the network, or from the data folder.

Both answer as the issuer would answer a verifier now. Neither is shown a token's text.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from lingpai.errors import (
    KeysUnavailable,
    SignatureInvalid,
    StatusUnknown,
    TokenError,
    TokenRevoked,
)
from lingpai.jose.header import Header
from lingpai.jose.jws import KeySource
from lingpai.jose.key_set import KeySet
from lingpai.jwt.status_list import (
    Status,
    check_status,
    open_status_list,
    read_reference,
    refuse_status,
)
from lingpai.jwt.status_stream import Batch
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import peek_unverified
from lingpai.verifier.flows import FetchFailed, discover, drive, fetch_jwks
from lingpai.verifier.jwks import read_published_keys
from lingpai.verifier.status_fetch import NoSuchList, fetch_list_text
from lingpai.verifier.transport import Transport
from lingpai_server.app.admin.knowledge import status_of
from lingpai_server.cli.status_watch import Follower, NoStream
from lingpai_server.cli.why_checks import (
    Check,
    Expected,
    Findings,
    Unasked,
    examine_claims,
    failed,
    stopped,
)
from lingpai_server.core.slots import LIST_SIZE, StatusChanges
from lingpai_server.keys.ring import KeyRing
from lingpai_server.protocol.access_token import OPAQUE_PREFIX

_TYP = "at+jwt"


@dataclass(frozen=True, slots=True)
class LocalStatuses:
    """What the store says."""

    known: StatusChanges
    issuer: str

    def check(self, token: VerifiedToken) -> str:
        """See `why_checks.Statuses`."""
        _check_denials(token, dict(self.known.denied), self.known.kids)
        reference = read_reference(token.claims)
        if reference is None:
            return "the token carries no status, and is not denied"
        status = status_of(self.known, self.issuer, reference)
        if status is None:
            raise TokenRevoked("its status list is of an earlier epoch, whose grants have ended")
        if not 0 <= reference.index < LIST_SIZE:
            raise StatusUnknown("its index is outside the list")
        if status is not Status.VALID:
            refuse_status(status, reference.index, LIST_SIZE)
        return f"slot {reference.index} is VALID"


@dataclass(frozen=True, slots=True)
class RemoteStatuses:
    """What the issuer publishes: the beginning of its stream, and the list that a token names."""

    issuer: str
    transport: Transport
    keys: KeySource

    def check(self, token: VerifiedToken) -> str:
        """See `why_checks.Statuses`."""
        try:
            batch = self._snapshot()
            if batch is not None:
                _check_denials(token, dict(batch.denied), batch.kids)
            return self._check_list(token, has_stream=batch is not None)
        except (FetchFailed, ValueError) as error:
            raise Unasked(f"the issuer did not say: {error}") from error

    def _snapshot(self) -> Batch | None:
        try:
            return next(Follower(self.issuer, self.transport).follow())
        except NoStream:
            return None

    def _check_list(self, token: VerifiedToken, *, has_stream: bool) -> str:
        reference = read_reference(token.claims)
        if reference is None:
            said = "and is not denied" if has_stream else "and the issuer streams no denials"
            return f"the token carries no status, {said}"
        try:
            body = fetch_list_text(reference.uri, self.issuer, self.transport)
        except NoSuchList as error:
            raise StatusUnknown(f"the issuer has no such status list: {error}") from error
        opened = open_status_list(
            body, self.keys, uri=reference.uri, issuer=self.issuer, now=time.time()
        )
        check_status(opened.statuses, reference.index)
        return f"slot {reference.index} is VALID"


def _check_denials(token: VerifiedToken, denied: Mapping[str, int], kids: tuple[str, ...]) -> None:
    """As every verifier does (`lingpai.verifier.status_check`)."""
    if token.header.kid in kids:
        raise TokenRevoked("the issuer revoked the key that signed this token")
    if token.token_id in denied:
        raise TokenRevoked("the issuer revoked this one token")


def fetch_keys(issuer: str, transport: Transport) -> KeySet:
    """What the issuer publishes now. Raises KeysUnavailable."""
    try:
        metadata = drive(discover(issuer), transport.get)
        body = drive(fetch_jwks(metadata), transport.get).body
        return read_published_keys(body or b"")
    except (FetchFailed, ValueError) as error:
        raise KeysUnavailable(str(error)) from error


def local_keys(ring: KeyRing, raw: str) -> KeySource:
    """What is published, or the own secret of the API that the token says it is for."""
    try:
        header, claims = peek_unverified(raw)
    except TokenError:
        return ring.published
    audience = claims.get("aud")
    secret = ring.api_secrets.get(audience) if isinstance(audience, str) else None
    return secret if secret is not None and secret.alg == header.alg else ring.published


def examine_opaque(ring: KeyRing, raw: str, expected: Expected) -> Findings:
    """The same checks for a token that is sealed, not signed, and that only its issuer can open."""
    header = Header("dir", None, _TYP, None, {})
    claims = ring.opaque_tokens.open(raw.removeprefix(OPAQUE_PREFIX), typ=_TYP)
    shape = Check("header", "passed", "an opaque token: services ask the issuer about it")
    if claims is None:
        refusal = SignatureInvalid("this issuer did not seal it, or it was altered")
        return Findings(stopped((shape, Check("key", "not_checked"), failed("signature", refusal))))
    opened = Check("key", "passed", "sealed by this issuer"), Check("signature", "passed")
    rest = examine_claims(header, dict(claims), expected)
    return Findings((shape, *opened, *rest), None, claims, is_authentic=True)
