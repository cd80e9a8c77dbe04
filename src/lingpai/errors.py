"""Every refusal Lingpai can give: one class, one stable code each. Not how it is found.

A bad token is a `TokenError`; catching a base class catches all of its kind. A key or a claim set
that the caller should not have passed is a `ValueError`. No message ever holds a key, a password,
a signature or a whole token; values quoted from a token are short and escaped.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AlgorithmMismatch",
    "AudienceMismatch",
    "AuthorizationError",
    "BudgetExceeded",
    "ClaimError",
    "DecryptionFailed",
    "InsufficientAuthentication",
    "InsufficientPermission",
    "InsufficientScope",
    "InvalidClaim",
    "InvalidHeader",
    "InvalidKey",
    "InvalidPayload",
    "InvalidProof",
    "IssueError",
    "IssuerMismatch",
    "KeyRefusal",
    "KeysUnavailable",
    "MalformedToken",
    "MissingClaim",
    "MissingProof",
    "MixedKeySet",
    "NonceMismatch",
    "ProofError",
    "ProofNonceMismatch",
    "SecretInPayload",
    "SignatureInvalid",
    "StatusError",
    "StatusUnavailable",
    "StatusUnchecked",
    "StatusUnknown",
    "TokenError",
    "TokenExpired",
    "TokenIssuedInFuture",
    "TokenNotYetValid",
    "TokenRevoked",
    "TokenStale",
    "TokenSuspended",
    "TokenTooLarge",
    "TokenTooOld",
    "TypMismatch",
    "UnexpectedKind",
    "UnknownAlgorithm",
    "UnknownKey",
    "UnsupportedCritical",
    "WeakKey",
    "quote",
]

QUOTE_LIMIT = 80


def quote(value: object) -> str:
    """A value from a token as it may stand in a message: escaped, and cut at 80 characters."""
    text = ascii(value[:QUOTE_LIMIT] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= QUOTE_LIMIT else f"{text[:QUOTE_LIMIT]}…"


class TokenError(Exception):
    """A token was refused. `code` is stable and safe to show; the message says which check."""

    code: ClassVar[str] = "token_refused"


# --- the shape: it is not a token of the kind asked for ---------------------------------------


class MalformedToken(TokenError):
    """The text is not a well-formed token (RFC 7515 section 5.2, RFC 7516 section 5.2)."""

    code: ClassVar[str] = "malformed_token"


class TokenTooLarge(MalformedToken):
    """The token, or what it unpacks to, is larger than the limit."""

    code: ClassVar[str] = "token_too_large"


class InvalidHeader(MalformedToken):
    """The JOSE header is not strict JSON, or a member has the wrong type (RFC 7515 section 4)."""

    code: ClassVar[str] = "invalid_header"


class UnsupportedCritical(InvalidHeader):
    """`crit` is ill-formed or names an extension not understood here (RFC 7515 section 4.1.11)."""

    code: ClassVar[str] = "unsupported_crit"


class InvalidPayload(MalformedToken):
    """The payload is not one strict JSON object (RFC 7519 section 7.2)."""

    code: ClassVar[str] = "invalid_payload"


class UnexpectedKind(MalformedToken):
    """Signed where encrypted was asked for, or the other way round (RFC 8725 section 2.6)."""

    code: ClassVar[str] = "unexpected_kind"


# --- the key ----------------------------------------------------------------------------------


class KeyRefusal(TokenError):
    """No key here may answer for this token."""

    code: ClassVar[str] = "key_error"


class UnknownAlgorithm(KeyRefusal):
    """`alg` or `enc` is no algorithm known here; `none` and `RSA1_5` are not (RFC 8725)."""

    code: ClassVar[str] = "unknown_algorithm"


class AlgorithmMismatch(KeyRefusal):
    """The header's `alg` is not the one algorithm of the key (RFC 8725 section 3.1)."""

    code: ClassVar[str] = "algorithm_mismatch"


class UnknownKey(KeyRefusal):
    """No key of the set has this `kid` and algorithm."""

    code: ClassVar[str] = "unknown_key"


class KeysUnavailable(KeyRefusal):
    """The issuer's keys could not be had in time; nothing is said about the token itself."""

    code: ClassVar[str] = "keys_unavailable"


class SignatureInvalid(TokenError):
    """The signature or MAC does not match (RFC 7515 section 5.2)."""

    code: ClassVar[str] = "signature_invalid"


class DecryptionFailed(TokenError):
    """The token could not be decrypted; why is not said (RFC 7516 section 11.5)."""

    code: ClassVar[str] = "decryption_failed"


# --- the claims -------------------------------------------------------------------------------


class ClaimError(TokenError):
    """The token is authentic, but not acceptable here and now."""

    code: ClassVar[str] = "claim_error"


class MissingClaim(ClaimError):
    """A claim that the policy requires is absent."""

    code: ClassVar[str] = "missing_claim"


class InvalidClaim(ClaimError):
    """A claim has the wrong type or value (RFC 7519 section 4.1)."""

    code: ClassVar[str] = "invalid_claim"


class TokenExpired(ClaimError):
    """`exp` is now or past (RFC 7519 section 4.1.4)."""

    code: ClassVar[str] = "token_expired"


class TokenNotYetValid(ClaimError):
    """`nbf` is still to come (RFC 7519 section 4.1.5)."""

    code: ClassVar[str] = "token_not_yet_valid"


class TokenIssuedInFuture(ClaimError):
    """`iat` is further ahead than clocks may differ."""

    code: ClassVar[str] = "token_issued_in_future"


class TokenTooOld(ClaimError):
    """`iat` is longer ago than the policy's `max_age_seconds`."""

    code: ClassVar[str] = "token_too_old"


class IssuerMismatch(ClaimError):
    """`iss` is not exactly the issuer of the policy (RFC 7519 section 4.1.1)."""

    code: ClassVar[str] = "issuer_mismatch"


class AudienceMismatch(ClaimError):
    """`aud` does not name an audience of the policy (RFC 7519 section 4.1.3)."""

    code: ClassVar[str] = "audience_mismatch"


class TypMismatch(ClaimError):
    """`typ` is not the kind of token asked for (RFC 8725 section 3.11)."""

    code: ClassVar[str] = "typ_mismatch"


class NonceMismatch(ClaimError):
    """`nonce` is not the one that was sent (OpenID Connect Core section 3.1.3.7)."""

    code: ClassVar[str] = "nonce_mismatch"


# --- status, proof of possession, authorization -----------------------------------------------


class StatusError(TokenError):
    """The issuer's status list speaks against the token, or could not be asked."""

    code: ClassVar[str] = "status_error"


class TokenRevoked(StatusError):
    """The status is INVALID: final (Token Status List section 7.1)."""

    code: ClassVar[str] = "token_revoked"


class TokenSuspended(StatusError):
    """The status is SUSPENDED: the account is locked for now."""

    code: ClassVar[str] = "token_suspended"


class TokenStale(StatusError):
    """The claims no longer tell the truth: refresh, and the new token will pass."""

    code: ClassVar[str] = "token_stale"


class StatusUnavailable(StatusError):
    """The status list at `uri` is not here, or the view of it is older than the policy allows."""

    code: ClassVar[str] = "status_unavailable"

    def __init__(self, message: str, uri: str = "") -> None:
        super().__init__(message)
        self.uri = uri


class StatusUnchecked(StatusError):
    """The token carries a `status` and nothing here can check it; IGNORE_STATUS waives that."""

    code: ClassVar[str] = "status_unchecked"


class StatusUnknown(StatusError):
    """No list says anything about the token: the issuer has no such list (any more), the list no
    such index, or the value there no meaning here."""

    code: ClassVar[str] = "status_unknown"


class ProofError(TokenError):
    """The proof of possession does not hold."""

    code: ClassVar[str] = "proof_error"


class MissingProof(ProofError):
    """The token is bound to a key (`cnf`, RFC 7800) and no proof of that key was given."""

    code: ClassVar[str] = "missing_proof"


class InvalidProof(ProofError):
    """The proof is for another key, request or time (RFC 9449 section 4.3)."""

    code: ClassVar[str] = "invalid_proof"


class ProofNonceMismatch(InvalidProof):
    """The proof lacks the server's current nonce; make another with it (RFC 9449 section 8)."""

    code: ClassVar[str] = "proof_nonce_mismatch"


class AuthorizationError(TokenError):
    """The token is good, and does not reach this far."""

    code: ClassVar[str] = "authorization_error"


class InsufficientScope(AuthorizationError):
    """A scope that the operation needs was not granted (RFC 6750 section 3.1)."""

    code: ClassVar[str] = "insufficient_scope"


class InsufficientPermission(AuthorizationError):
    """A permission or role that the operation needs is not in the token."""

    code: ClassVar[str] = "insufficient_permission"


class InsufficientAuthentication(AuthorizationError):
    """The login was too weak or too long ago (RFC 9470 section 3)."""

    code: ClassVar[str] = "insufficient_user_authentication"


# --- the caller's mistakes --------------------------------------------------------------------


class InvalidKey(ValueError):
    """A key was refused when it was loaded or used. Never quotes key material."""

    code: ClassVar[str] = "invalid_key"


class WeakKey(InvalidKey):
    """The key is too short, or known to be guessable (RFC 7518 section 3.2, RFC 8725)."""

    code: ClassVar[str] = "weak_key"


class MixedKeySet(InvalidKey):
    """Symmetric and asymmetric keys in one set cannot verify safely together."""

    code: ClassVar[str] = "mixed_key_set"


class IssueError(ValueError):
    """A token was not issued."""

    code: ClassVar[str] = "issue_error"


class BudgetExceeded(IssueError):
    """The header or the payload is larger than its budget; the message gives both sizes."""

    code: ClassVar[str] = "budget_exceeded"


class SecretInPayload(IssueError):
    """A readable payload would carry what looks like a secret. The value is not quoted."""

    code: ClassVar[str] = "secret_in_payload"
