"""DPoP proofs (RFC 9449): made for a request, and checked against one. Pure: no clock, no store.

Whether a proof was seen before is for the caller to know: `VerifiedProof` says what to remember.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lingpai.errors import InvalidKey, InvalidProof, ProofNonceMismatch, TokenError, quote
from lingpai.jose import base64url, strict_json
from lingpai.jose.algorithms import EDDSA, SIGNATURE_ALGORITHMS
from lingpai.jose.crypto import sha256
from lingpai.jose.header import parse_header
from lingpai.jose.jwk import PRIVATE_MEMBERS, THUMBPRINT_MEMBERS
from lingpai.jose.jws import sign_encoded, to_bytes
from lingpai.jose.keys import Key, PrivateKey, PublicKey
from lingpai.jwt.http_uri import normalize
from lingpai.jwt.policy import ANY_AUDIENCE, ANY_ISSUER, IGNORE_BINDING, IGNORE_STATUS, Policy
from lingpai.jwt.profiles import DPOP_PROOF
from lingpai.jwt.verify import verify

DPOP_TYP = "dpop+jwt"
DPOP_ALGORITHMS = frozenset(
    {"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "Ed25519", "Ed448"}
)
MAX_PROOF_BYTES = 8192
MAX_JTI_CHARACTERS = 512
MAX_AGE_SECONDS = 60
LEEWAY_SECONDS = 10  # how far the client's clock may differ, either way


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """A proof that holds for one request. Times are in seconds since the epoch.

    It is good once: the caller refuses it if `replay_key` is remembered, and else remembers that
    until `remember_until`, in one step (RFC 9449 section 11.1). After that its age refuses it.
    """

    jkt: str
    """The RFC 7638 thumbprint of its key: for `cnf.jkt`, and for `verify(..., jkt=)`."""
    jti: str
    issued_at: float
    nonce: str | None
    replay_key: str
    """43 characters, however long the `jti` is: nobody fills the caller's store with long names."""
    remember_until: float


def check_proof(
    proof: str | bytes,
    *,
    method: str,
    url: str,
    now: float,
    access_token: str | None = None,
    nonce: str | Collection[str] | None = None,
    allowed_algorithms: Collection[str] = DPOP_ALGORITHMS,
    max_age_seconds: int = MAX_AGE_SECONDS,
    leeway_seconds: int = LEEWAY_SECONDS,
) -> VerifiedProof:
    """Check a proof as RFC 9449 section 4.3 asks, all but the replay.

    `method` and `url` are those of the request as the client made it. `access_token` is the one
    that came with it: the proof must then carry its hash. `nonce` is the one, or the several, that
    the server gave out and still accepts. The caller still compares `jkt` with the token's
    (`verify(..., jkt=proof.jkt)` does) and refuses a request with more than one proof.

    Raises InvalidProof, of which ProofNonceMismatch asks for another try; ValueError for a `url`
    that is no http URI and for an algorithm that is not asymmetric.
    """
    expected_htu = normalize(url)
    key = _read_key(proof, _check_algorithms(allowed_algorithms))
    try:
        token = verify(proof, key, _policy(leeway_seconds), now=now)
    except TokenError as refusal:
        raise InvalidProof(f"the proof was refused: {refusal}") from None
    claims = token.claims
    _check_request(claims, method, expected_htu)
    issued_at: float = claims["iat"]
    _check_moment(issued_at, now, max_age_seconds, leeway_seconds)
    if access_token is not None and claims.get("ath") != access_token_hash(access_token):
        raise InvalidProof("ath is not the hash of the access token that came with the proof")
    _check_nonce(claims, nonce)
    jkt, jti = key.thumbprint(), claims["jti"]
    return VerifiedProof(
        jkt=jkt,
        jti=jti,
        issued_at=issued_at,
        nonce=claims.get("nonce"),
        replay_key=base64url.encode(sha256(f"{jkt}.{jti}".encode())),
        remember_until=issued_at + max_age_seconds + leeway_seconds,
    )


def make_proof(
    key: PrivateKey,
    *,
    method: str,
    url: str,
    now: int,
    jti: str,
    access_token: str | None = None,
    nonce: str | None = None,
) -> str:
    """A proof for one request (RFC 9449 section 4.2).

    `jti` is fresh for each: at least 96 random bits. `access_token` is the one that goes with the
    request, `nonce` the last that this server gave. Raises ValueError for a `url` that is no http
    URI, InvalidKey for a key that is not for signing, TypeError for one that is not a pair.
    """
    if not isinstance(key, PrivateKey):
        raise TypeError("a DPoP proof is signed with a private key")
    public = key.public.to_jwk()
    header = {
        "typ": DPOP_TYP,
        "alg": key.alg,
        "jwk": {name: public[name] for name in THUMBPRINT_MEMBERS[public["kty"]]},
    }
    claims: dict[str, Any] = {"jti": jti, "htm": method, "htu": normalize(url), "iat": now}
    if access_token is not None:
        claims["ath"] = access_token_hash(access_token)
    if nonce is not None:
        claims["nonce"] = nonce
    encoded = base64url.encode_bytes(strict_json.encode(header))
    return sign_encoded(encoded, strict_json.encode(claims), key)


def access_token_hash(access_token: str) -> str:
    """`ath`: base64url of SHA-256 over the token's ASCII (RFC 9449 section 4.2)."""
    return base64url.encode(sha256(access_token.encode("utf-8", "surrogatepass")))


def _check_algorithms(allowed: Collection[str]) -> Collection[str]:
    for name in allowed:
        row = SIGNATURE_ALGORITHMS.get(name)
        if name != EDDSA and (row is None or row.kty == "oct"):
            raise ValueError(f"{name!r} is no asymmetric signature algorithm")
    return allowed


def _read_key(proof: str | bytes, allowed: Collection[str]) -> PublicKey:
    """The public key in the proof's header, which the rest of it must then be signed with."""
    try:
        header = parse_header(to_bytes(proof, MAX_PROOF_BYTES).partition(b".")[0])
    except TokenError as refusal:
        raise InvalidProof(f"the proof was refused: {refusal}") from None
    if header.alg not in allowed:
        raise InvalidProof(f"alg is {quote(header.alg)}, which is not accepted for proofs")
    jwk = header.members.get("jwk")
    if not isinstance(jwk, dict):
        raise InvalidProof("the header has no jwk")
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise InvalidProof("jwk is a private or a symmetric key")
    try:
        key = Key.from_jwk(jwk, alg=None if header.alg == EDDSA else header.alg, allow=allowed)
    except InvalidKey as refusal:
        raise InvalidProof(f"jwk is refused: {refusal}") from None
    if not isinstance(key, PublicKey):
        raise InvalidProof("jwk is not a public key")
    return key


def _policy(leeway_seconds: int) -> Policy:
    return Policy(
        issuer=ANY_ISSUER,  # the key speaks for itself
        audience=ANY_AUDIENCE,  # htm and htu say what it is for
        typ=DPOP_TYP,
        profile=DPOP_PROOF,
        leeway_seconds=leeway_seconds,
        max_bytes=MAX_PROOF_BYTES,
        status=IGNORE_STATUS,
        binding=IGNORE_BINDING,
    )


def _check_request(claims: Mapping[str, Any], method: str, expected_htu: str) -> None:
    jti, htm, htu = claims["jti"], claims["htm"], claims["htu"]
    if not 0 < len(jti) <= MAX_JTI_CHARACTERS:
        raise InvalidProof(f"jti has {len(jti)} characters, not 1 to {MAX_JTI_CHARACTERS}")
    if htm != method:
        raise InvalidProof(f"htm is {quote(htm)}, the request's method is {quote(method)}")
    try:
        actual = normalize(htu) if isinstance(htu, str) else None
    except ValueError as refusal:
        raise InvalidProof(f"htu is refused: {refusal}") from None
    if actual != expected_htu:
        raise InvalidProof(f"htu is {quote(htu)}, the request's is {quote(expected_htu)}")


def _check_moment(issued_at: float, now: float, max_age_seconds: int, leeway_seconds: int) -> None:
    age = now - issued_at
    if age > max_age_seconds + leeway_seconds:
        raise InvalidProof(f"iat is {age:.0f} s ago, accepted are {max_age_seconds} s")
    if age < -leeway_seconds:
        raise InvalidProof(f"iat is {-age:.0f} s ahead, accepted are {leeway_seconds} s")


def _check_nonce(claims: Mapping[str, Any], expected: str | Collection[str] | None) -> None:
    nonce = claims.get("nonce")
    if nonce is not None and not isinstance(nonce, str):
        raise InvalidProof("nonce is not a string")
    if expected is None:
        return
    accepted = (expected,) if isinstance(expected, str) else expected
    if nonce not in accepted:
        raise ProofNonceMismatch("nonce is not one that this server gave out lately")
