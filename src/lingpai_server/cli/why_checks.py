"""The checks of `verify`, one by one, so that each can be seen to pass or to fail. Prints nothing.

Each step is the library's own check, with all others waived. Nothing in a token is believed before
its signature, so that what comes after a broken one is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from lingpai.errors import (
    AlgorithmMismatch,
    AudienceMismatch,
    ClaimError,
    IssuerMismatch,
    MalformedToken,
    MissingClaim,
    MixedKeySet,
    TokenError,
    TypMismatch,
    UnknownAlgorithm,
    UnknownKey,
)
from lingpai.jose import strict_json
from lingpai.jose.algorithms import SIGNATURE_ALGORITHMS
from lingpai.jose.header import Header
from lingpai.jose.jws import KeySource, verify_compact
from lingpai.jwt.claims import check_claims, check_moment
from lingpai.jwt.policy import ANY_AUDIENCE, ANY_ISSUER, IGNORE_STATUS, NO_TYP, Policy
from lingpai.jwt.profiles import ACCESS_TOKEN, Profile
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import peek_unverified
from lingpai_server.cli.token_view import explain_time, printable

Outcome = Literal["passed", "failed", "not_checked"]
ORDER = ("header", "key", "signature", "typ", "iss", "aud", "claims", "time", "binding", "status")
_NOTHING = Profile("anything", None, (), audience=False, expires=False)


class Statuses(Protocol):
    """What the issuer says of a token now."""

    def check(self, token: VerifiedToken) -> str:
        """In words, for a token that is good. Raises StatusError, or Unasked."""


class Unasked(Exception):
    """The question could not be put; the message says why. It says nothing of the token."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token is compared with. `audience` is None where nobody said for whom it should be.
    `revoked_kids` are known without asking the status."""

    issuer: str
    audience: str | None
    keys: KeySource
    statuses: Statuses
    now: float
    revoked_kids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One step. `code` is the library's stable code of a refusal, "" for none."""

    name: str
    outcome: Outcome
    note: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """Every step in its order, and what the token says: verified if its signature was good."""

    checks: tuple[Check, ...]
    kid: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    is_authentic: bool = False

    @property
    def refusal(self) -> Check | None:
        """The check that `verify` would have stopped at; None for a good token."""
        return next((check for check in self.checks if check.outcome == "failed"), None)


def examine(raw: str, expected: Expected) -> Findings:
    """Every check of one signed token. Raises nothing of a token's making."""
    try:
        header, claims = peek_unverified(raw)
    except TokenError as refusal:
        return Findings(stopped((failed("header", _explain_shape(raw, expected, refusal)),)))
    seen = [Check("header", "passed", _describe_header(header))]
    try:
        _find_key(header, expected)
        seen.append(Check("key", "passed", f"{_name_key(header)} is the issuer's"))
        _, payload = verify_compact(raw, expected.keys)
        strict_json.decode_object(payload)
        seen.append(Check("signature", "passed"))
    except MalformedToken as refusal:  # stricter than a peek: base64url has one spelling
        return Findings(stopped((failed("header", refusal),)))
    except TokenError as refusal:
        name = "key" if len(seen) == 1 else "signature"
        checks = stopped((*seen, failed(name, refusal)))
        return Findings(checks, header.kid, claims)
    seen += examine_claims(header, claims, expected)
    return Findings(tuple(seen), header.kid, claims, is_authentic=True)


def examine_claims(header: Header, claims: dict[str, Any], expected: Expected) -> Iterator[Check]:
    """The checks of what an authentic token says."""
    typ, issuer = _policy(typ="at+jwt"), _policy(issuer=expected.issuer, header=header)
    yield _try("typ", lambda: check_claims(header, claims, typ), header.typ or "", (TypMismatch,))
    of_issuer = (IssuerMismatch, MissingClaim)
    yield _try("iss", lambda: check_claims(header, claims, issuer), expected.issuer, of_issuer)
    yield _check_audience(header, claims, expected)
    whole = _policy(header=header, profile=ACCESS_TOKEN)
    token = None
    try:
        token = check_claims(header, claims, whole)
        yield Check("claims", "passed", "all that an access token has (RFC 9068 section 2.2)")
    except TokenError as refusal:
        yield failed("claims", refusal)
    if token is None:
        yield from (Check(name, "not_checked") for name in ("time", "binding", "status"))
        return
    verified = token
    note = explain_time("exp", claims.get("exp"), now=expected.now)
    yield _try("time", lambda: check_moment(verified, whole, expected.now), note)
    yield _check_binding(claims)
    yield _check_status(verified, expected)


def _explain_shape(raw: str, expected: Expected, refusal: TokenError) -> TokenError:
    """What `verify` says of the same text, which looks at the whole before its payload."""
    try:
        verify_compact(raw, expected.keys)
    except MalformedToken as first:
        return first
    except TokenError:
        pass
    return refusal


def _find_key(header: Header, expected: Expected) -> None:
    """Raises UnknownAlgorithm, UnknownKey or AlgorithmMismatch, as `verify_compact` does."""
    if header.kid in expected.revoked_kids:
        raise UnknownKey(f"the issuer revoked {_name_key(header)}")
    if header.alg not in SIGNATURE_ALGORITHMS and header.alg != "EdDSA":
        raise UnknownAlgorithm(f"alg {printable(header.alg)!r} is no signature algorithm here")
    try:
        candidates = expected.keys.candidates(header.alg, header.kid)
    except MixedKeySet as error:
        raise UnknownKey(str(error)) from None
    if not candidates:
        raise UnknownKey(f"the issuer has no {_name_key(header)} for {printable(header.alg)}")
    if header.alg not in candidates[0].accepts:
        raise AlgorithmMismatch(f"{_name_key(header)} is not one for {printable(header.alg)}")


def _check_audience(header: Header, claims: dict[str, Any], expected: Expected) -> Check:
    named = claims.get("aud")
    told = printable(named if isinstance(named, str) else str(named))
    if expected.audience is None:
        return Check("aud", "not_checked", f"the token is for {told}; name an --audience")
    policy = _policy(audience=expected.audience, header=header, profile=_AUDIENCE)
    of_audience = (AudienceMismatch, *(() if isinstance(named, str) else (ClaimError,)))
    return _try("aud", lambda: check_claims(header, claims, policy), expected.audience, of_audience)


def _check_binding(claims: Mapping[str, Any]) -> Check:
    if "cnf" not in claims:
        return Check("binding", "not_checked", "bound to no key: whoever has it may use it")
    cnf = claims["cnf"]
    methods = ", ".join(printable(name) for name in cnf) if isinstance(cnf, dict) else "?"
    return Check("binding", "not_checked", f"bound by {methods}: it is refused without the proof")


def _check_status(token: VerifiedToken, expected: Expected) -> Check:
    try:
        return Check("status", "passed", expected.statuses.check(token))
    except TokenError as refusal:
        return failed("status", refusal)
    except Unasked as error:
        return Check("status", "not_checked", str(error))


def _policy(
    *,
    issuer: str | None = None,
    audience: str | None = None,
    typ: str | None = None,
    header: Header | None = None,
    profile: Profile = _NOTHING,
) -> Policy:
    """One check and no other: what is not named is what the token itself says."""
    own = typ if header is None else header.typ
    return Policy(
        issuer=ANY_ISSUER if issuer is None else issuer,
        audience=ANY_AUDIENCE if audience is None else audience,
        typ=NO_TYP if own in (None, "jwt") else own,
        profile=profile,
        status=IGNORE_STATUS,
    )


_AUDIENCE = Profile("for one audience", None, (), expires=False)


def _try(
    name: str,
    check: Callable[[], object],
    note: str,
    kinds: tuple[type[TokenError], ...] = (TokenError,),
) -> Check:
    """`kinds` are the refusals that belong to this check; others come up in their own."""
    try:
        check()
    except kinds as refusal:
        return failed(name, refusal)
    except TokenError:
        pass
    return Check(name, "passed", note)


def failed(name: str, refusal: TokenError) -> Check:
    """A step that refused."""
    return Check(name, "failed", str(refusal), refusal.code)


def stopped(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """With the checks that were not come to."""
    return (*checks, *(Check(name, "not_checked") for name in ORDER[len(checks) :]))


def _describe_header(header: Header) -> str:
    return f"a signed token, {printable(header.alg)}"


def _name_key(header: Header) -> str:
    return "key without a kid" if header.kid is None else f"key {printable(header.kid)}"
