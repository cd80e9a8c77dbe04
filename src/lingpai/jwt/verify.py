"""verify: one call checks everything and returns a verified type. Pure; read it with a stopwatch.

The signature is checked first, then the claims, then the moment; nothing of a token is believed
before its signature. A token that a cache remembers skips the first two and never the third.
"""

from __future__ import annotations

from typing import Protocol

from lingpai.errors import (
    InvalidPayload,
    InvalidProof,
    MissingProof,
    NonceMismatch,
    StatusUnchecked,
    UnexpectedKind,
)
from lingpai.jose import strict_json
from lingpai.jose.header import Header
from lingpai.jose.jws import KeySource, verify_compact
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key
from lingpai.jwt.claims import check_age, check_claims, check_moment
from lingpai.jwt.policy import IGNORE_BINDING, IGNORE_STATUS, Policy
from lingpai.jwt.token import VerifiedToken

_CONFIRMATION_METHODS = ("jkt", "x5t#S256")  # RFC 9449 section 6.1, RFC 8705 section 3.1


class TokenStore(Protocol):
    """A cache of verified tokens: `lingpai.verifier.token_cache.TokenCache` is one."""

    def find(self, raw: str | bytes, keys: KeySource, policy: Policy) -> VerifiedToken | None:
        """The token that verified with exactly these keys under exactly this policy."""

    def keep(self, raw: str | bytes, keys: KeySource, policy: Policy, token: VerifiedToken) -> None:
        """Remember it, within bounds."""


class StatusSource(Protocol):
    """Who knows what became of a token since it was signed: `lingpai.verifier` has one."""

    def check(self, token: VerifiedToken, policy: Policy) -> None:
        """Raises a StatusError, or returns for a token that is still good."""


def verify(
    raw: str | bytes,
    keys: KeySource,
    policy: Policy,
    *,
    now: float,
    cache: TokenStore | None = None,
    decrypt_with: KeySource | None = None,
    jkt: str | None = None,
    x5t_s256: str | None = None,
    nonce: str | None = None,
    max_age_seconds: int | None = None,
    statuses: StatusSource | None = None,
) -> VerifiedToken:
    """The verified token, or a TokenError that says which check failed.

    `now` is in seconds since the epoch. `decrypt_with` asks for a nested token (signed, then
    encrypted) and refuses a bare one. `jkt` and `x5t_s256` are thumbprints of keys that the caller
    has seen proof of (DPoP, mTLS): a token bound to a key needs them. `nonce` and `max_age_seconds`
    are compared when given. `statuses` knows what the issuer has revoked since; without it a token
    that carries a `status` is refused, unless the policy says IGNORE_STATUS.

    Raises TokenError, TypeError for what is no text, MixedKeySet.
    """
    if decrypt_with is not None:
        token = _open_nested(raw, keys, policy, decrypt_with)
    elif cache is not None:
        token = cache.find(raw, keys, policy) or _open_and_keep(raw, keys, policy, cache)
    else:
        token = _open(raw, keys, policy)
    check_moment(token, policy, now)
    if jkt is not None or x5t_s256 is not None or "cnf" in token._claims:
        check_binding(token, policy, jkt=jkt, x5t_s256=x5t_s256)
    if nonce is not None and token._claims.get("nonce") != nonce:
        raise NonceMismatch("nonce is not the one that was sent")
    if max_age_seconds is not None:
        check_age(token, max_age_seconds, policy.leeway_seconds, now)
    if statuses is not None:
        statuses.check(token, policy)
    elif "status" in token._claims:
        refuse_unchecked(policy)
    return token


def verify_plain(raw: str | bytes, keys: KeySource, policy: Policy, now: float) -> VerifiedToken:
    """`verify` without options: the shortest road, taken by most calls."""
    token = _open(raw, keys, policy)
    check_moment(token, policy, now)
    if "cnf" in token._claims:
        check_binding(token, policy, jkt=None, x5t_s256=None)
    if "status" in token._claims:
        refuse_unchecked(policy)
    return token


def refuse_unchecked(policy: Policy) -> None:
    """A status that nothing here checks is a revocation that nothing here sees."""
    if policy.status is not IGNORE_STATUS:
        raise StatusUnchecked(
            "the token carries a status that nothing here checks; IGNORE_STATUS waives that"
        )


def _open(raw: str | bytes, keys: KeySource, policy: Policy) -> VerifiedToken:
    try:
        header, payload = verify_compact(raw, keys, policy.max_bytes)
    except AttributeError:
        _check_arguments(keys, policy)
        raise
    try:
        claims = strict_json.decode_object(payload)
    except ValueError:
        raise InvalidPayload("the payload is not one strict JSON object") from None
    return check_claims(header, claims, policy)


def _check_arguments(keys: object, policy: object) -> None:
    """Asked only after they did not work."""
    if not isinstance(policy, Policy):
        raise TypeError("verify takes a Policy")
    if not isinstance(keys, (Key, KeySet)):
        raise TypeError("verify takes a Key or a KeySet")


def _open_and_keep(
    raw: str | bytes, keys: KeySource, policy: Policy, cache: TokenStore
) -> VerifiedToken:
    token = _open(raw, keys, policy)
    cache.keep(raw, keys, policy, token)
    return token


def _open_nested(
    raw: str | bytes, keys: KeySource, policy: Policy, decrypt_with: KeySource
) -> VerifiedToken:
    """RFC 7519 section 5.2: the outer header says `cty: JWT`, the inner token is signed."""
    from lingpai.jose.jwe import decrypt_compact  # loaded by those alone who decrypt

    outer, inner = decrypt_compact(raw, decrypt_with, max_bytes=policy.max_bytes)
    if outer.cty != "jwt":
        raise UnexpectedKind("the encrypted content is not marked as a signed token (cty: JWT)")
    return _open(inner, keys, policy)


def check_binding(
    token: VerifiedToken, policy: Policy, *, jkt: str | None, x5t_s256: str | None
) -> None:
    """RFC 7800 section 3: every confirmation in `cnf` must be known, and proven by the caller.

    A proof for a token that is not bound to that key is refused too (RFC 9449 section 7.1).
    """
    if policy.binding is IGNORE_BINDING:
        return
    cnf = token.claims.get("cnf")
    if cnf is None:
        raise InvalidProof("a proof of possession was given for a token that is bound to no key")
    if not isinstance(cnf, dict) or not cnf or not set(cnf) <= set(_CONFIRMATION_METHODS):
        raise InvalidProof("cnf has a confirmation method that is not known here")
    for name, proven in zip(_CONFIRMATION_METHODS, (jkt, x5t_s256), strict=True):
        if name in cnf and proven is None:
            raise MissingProof(f"the token is bound to a key by {name}, and no proof was given")
        if proven is not None and cnf.get(name) != proven:
            raise InvalidProof(f"the proof is of another key than {name} names")


def peek_unverified(raw: str | bytes) -> tuple[Header, dict[str, object]]:
    """What a signed token claims, unverified: for logs and inspectors, never for a decision.

    Raises MalformedToken and its kinds.
    """
    from lingpai.jose import base64url
    from lingpai.jose.header import parse_header
    from lingpai.jose.jws import MAX_TOKEN_BYTES, explain_shape, to_bytes

    data = to_bytes(raw, MAX_TOKEN_BYTES)
    parts = data.split(b".")
    if len(parts) != 3:
        raise explain_shape(data)
    try:
        return parse_header(parts[0]), strict_json.decode_object(base64url.decode(parts[1]))
    except ValueError:
        raise InvalidPayload("the payload is not one strict JSON object") from None
