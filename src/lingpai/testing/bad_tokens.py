"""Tokens that no verifier may accept, one of every kind, each with the code of its refusal."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

from lingpai.jose import base64url, strict_json
from lingpai.jose.jws import MAX_TOKEN_BYTES, sign_compact
from lingpai.jose.keys import Key, PrivateKey

__all__ = ["BadToken", "make_bad_tokens"]

AT_JWT = "at+jwt"


class BadToken(NamedTuple):
    """A token, and the stable code that its refusal is to have."""

    raw: str
    code: str


def make_bad_tokens(claims: Mapping[str, Any], key: PrivateKey, *, now: int) -> dict[str, BadToken]:
    """Spoil the token that `claims` and `key` would make, in every way known."""
    forger = _Forger(claims, key)
    return {
        **_out_of_time(forger, now),
        **_of_others(forger),
        **_with_wrong_claims(forger),
        **_forged(forger),
        **_with_odd_headers(forger),
        **_out_of_shape(forger),
    }


class _Forger:
    """Makes one token, well or badly."""

    def __init__(self, claims: Mapping[str, Any], key: PrivateKey) -> None:
        self.claims = dict(claims)
        self.key = key
        self.stranger = _another(key)

    def signed(self, changes: Mapping[str, Any] | None = None, *, typ: str | None = AT_JWT) -> str:
        """Signed as it should be, with other claims; None leaves a claim out."""
        members = {**self.claims, **(changes or {})}
        kept = {name: value for name, value in members.items() if value is not None}
        return self.packed(strict_json.encode(kept), {} if typ is None else {"typ": typ})

    def packed(self, payload: bytes, header: Mapping[str, Any] | None = None) -> str:
        """Any payload, signed as it should be."""
        return sign_compact(payload, self.key, {"typ": AT_JWT} if header is None else header)

    def assembled(self, header: bytes, payload: bytes, signature: bytes) -> str:
        """Three parts that need not fit."""
        return ".".join(base64url.encode(part) for part in (header, payload, signature))

    def header(self, **changes: Any) -> bytes:
        """The bytes of a header, with changes."""
        members = {"alg": self.key.alg, "kid": self.key.kid, "typ": AT_JWT, **changes}
        return strict_json.encode(members)

    def payload(self, **changes: Any) -> bytes:
        """The bytes of the claims, with changes."""
        return strict_json.encode({**self.claims, **changes})

    def mac_with_public_key(self, payload: bytes) -> str:
        """HS256 with the published key's PEM as the secret: the oldest trick with tokens."""
        header = base64url.encode(self.header(alg="HS256"))
        signing_input = f"{header}.{base64url.encode(payload)}"
        mac = hmac.digest(self.key.public.to_pem(), signing_input.encode("ascii"), "sha256")
        return f"{signing_input}.{base64url.encode(mac)}"

    def truly_signed(self, header: bytes, payload: bytes) -> str:
        """Signed by the right key over whatever header."""
        signing_input = base64url.encode(header) + "." + base64url.encode(payload)
        signature = self.key.sign_message(signing_input.encode("ascii"))
        return f"{signing_input}.{base64url.encode(signature)}"


def _out_of_time(forger: _Forger, now: int) -> dict[str, BadToken]:
    return {
        "expired": BadToken(forger.signed({"iat": now - 900, "exp": now - 600}), "token_expired"),
        "expired_this_second": BadToken(forger.signed({"exp": now}), "token_expired"),
        "not_yet_valid": BadToken(forger.signed({"nbf": now + 900}), "token_not_yet_valid"),
        "issued_in_future": BadToken(forger.signed({"iat": now + 900}), "token_issued_in_future"),
    }


def _of_others(forger: _Forger) -> dict[str, BadToken]:
    """Good tokens, but not of this issuer, not for this API, not of this kind."""
    issuer, audience = forger.claims["iss"], forger.claims["aud"]
    return {
        "other_issuer": BadToken(forger.signed({"iss": "https://evil.test"}), "issuer_mismatch"),
        "issuer_with_slash": BadToken(forger.signed({"iss": issuer + "/"}), "issuer_mismatch"),
        "issuer_cut_short": BadToken(forger.signed({"iss": issuer[:-1]}), "issuer_mismatch"),
        "issuer_as_list": BadToken(forger.signed({"iss": [issuer]}), "issuer_mismatch"),
        "other_audience": BadToken(
            forger.signed({"aud": "https://other.test"}), "audience_mismatch"
        ),
        "audience_with_slash": BadToken(
            forger.signed({"aud": audience + "/"}), "audience_mismatch"
        ),
        "audience_of_others": BadToken(
            forger.signed({"aud": ["https://a.test", "https://b.test"]}), "audience_mismatch"
        ),
        "id_token": BadToken(forger.signed(typ="JWT"), "typ_mismatch"),
        "logout_token": BadToken(forger.signed(typ="logout+jwt"), "typ_mismatch"),
        "no_typ": BadToken(forger.signed(typ=None), "typ_mismatch"),
    }


def _with_wrong_claims(forger: _Forger) -> dict[str, BadToken]:
    required = ("iss", "aud", "exp", "iat", "jti", "sub", "client_id")
    missing = {
        f"without_{name}": BadToken(forger.signed({name: None}), "missing_claim")
        for name in required
    }
    wrong: dict[str, Mapping[str, Any]] = {
        "exp_as_text": {"exp": str(forger.claims["exp"])},
        "exp_as_bool": {"exp": True},
        "iat_as_text": {"iat": str(forger.claims["iat"])},
        "nbf_as_list": {"nbf": [0]},
        "audience_of_numbers": {"aud": [1]},
        "subject_as_number": {"sub": 1},
        "token_id_as_list": {"jti": ["1"]},
    }
    bound = {"cnf": {"jkt": forger.stranger.thumbprint()}}
    status = {"status": {"identifier_list": {"id": "1", "uri": "https://issuer.test/none"}}}
    return {
        **missing,
        **{name: BadToken(forger.signed(c), "invalid_claim") for name, c in wrong.items()},
        "bound_to_a_key": BadToken(forger.signed(bound), "missing_proof"),
        "with_unchecked_status": BadToken(forger.signed(status), "status_unchecked"),
    }


def _forged(forger: _Forger) -> dict[str, BadToken]:
    """Tokens that the issuer never signed."""
    good = forger.signed()
    head, payload, signature = good.split(".")
    admin = base64url.encode(forger.payload(sub="admin"))
    flipped = bytearray(base64url.decode(signature))
    flipped[-1] ^= 1
    impostor = _another(forger.key, kid=forger.key.kid)
    return {
        "changed_payload": BadToken(f"{head}.{admin}.{signature}", "signature_invalid"),
        "changed_signature": BadToken(
            f"{head}.{payload}.{base64url.encode(bytes(flipped))}", "signature_invalid"
        ),
        "empty_signature": BadToken(f"{head}.{payload}.", "signature_invalid"),
        "zero_signature": BadToken(
            f"{head}.{payload}.{base64url.encode(bytes(len(flipped)))}", "signature_invalid"
        ),
        "key_of_a_stranger": BadToken(
            sign_compact(forger.payload(), forger.stranger, {"typ": AT_JWT}), "unknown_key"
        ),
        "stranger_under_our_kid": BadToken(
            sign_compact(forger.payload(), impostor, {"typ": AT_JWT}), "signature_invalid"
        ),
        "public_key_as_secret": BadToken(
            forger.mac_with_public_key(forger.payload()), "algorithm_mismatch"
        ),
    }


def _with_odd_headers(forger: _Forger) -> dict[str, BadToken]:
    payload, kid = forger.payload(), forger.key.kid
    nones = {
        f"alg_{name}": BadToken(
            forger.assembled(forger.header(alg=name), payload, b""), "unknown_algorithm"
        )
        for name in ("none", "None", "nOnE")
    }
    other_alg = "ES384" if forger.key.alg != "ES384" else "ES256"
    own_key = {"typ": AT_JWT, "kid": kid, "jwk": forger.stranger.public.to_jwk()}
    twice = b'{"alg":"none",' + forger.header()[1:]
    return {
        **nones,
        "other_algorithm": BadToken(
            forger.truly_signed(forger.header(alg=other_alg), payload), "algorithm_mismatch"
        ),
        "key_in_the_token": BadToken(
            sign_compact(payload, forger.stranger, own_key), "signature_invalid"
        ),
        "header_name_twice": BadToken(forger.truly_signed(twice, payload), "invalid_header"),
        "header_no_json": BadToken(forger.truly_signed(b"{alg}", payload), "invalid_header"),
        "header_without_alg": BadToken(
            forger.truly_signed(b'{"typ":"at+jwt"}', payload), "invalid_header"
        ),
        "kid_as_number": BadToken(
            forger.truly_signed(forger.header(kid=1), payload), "invalid_header"
        ),
        "unknown_crit": BadToken(
            forger.truly_signed(forger.header(crit=["x"], x=1), payload), "unsupported_crit"
        ),
        "empty_crit": BadToken(
            forger.truly_signed(forger.header(crit=[]), payload), "unsupported_crit"
        ),
        "unencoded_payload": BadToken(
            forger.truly_signed(forger.header(crit=["b64"], b64=False), payload), "unsupported_crit"
        ),
    }


def _out_of_shape(forger: _Forger) -> dict[str, BadToken]:
    good = forger.signed()
    head, payload, signature = good.split(".")
    twice = b'{"sub":"admin",' + forger.payload()[1:]
    malformed = {
        "empty": "",
        "no_dots": good.replace(".", ""),
        "two_parts": f"{head}.{payload}",
        "four_parts": f"{good}.{signature}",
        "many_dots": "." * 1000,
        "padded": f"{good}==",
        "with_a_space": f"{head}. {payload}.{signature}",
        "with_a_newline": f"{good}\n",
        "other_base64": f"{head}.{payload}.+{signature[1:]}",
        "outside_ascii": f"{head}.{payload}.é{signature[1:]}",
    }
    payloads = {
        "claim_twice": twice,
        "payload_no_json": b"sub=admin",
        "payload_a_list": b"[]",
        "payload_with_nan": b'{"exp":NaN}',
        "payload_in_utf16": forger.payload().decode().encode("utf-16"),
        "payload_with_bom": b"\xef\xbb\xbf" + forger.payload(),
        "payload_too_deep": b'{"a":' * 100 + b"1" + b"}" * 100,
    }
    return {
        **{name: BadToken(raw, "malformed_token") for name, raw in malformed.items()},
        **{name: BadToken(forger.packed(p), "invalid_payload") for name, p in payloads.items()},
        "encrypted": BadToken(f"{good}.e30.e30", "unexpected_kind"),
        "too_large": BadToken(f"{head}.{'A' * MAX_TOKEN_BYTES}.{signature}", "token_too_large"),
    }


def _another(key: PrivateKey, *, kid: str | None = None) -> PrivateKey:
    """A key of the same kind that the issuer does not have."""
    another = Key.generate(key.alg, kid=kid)
    if not isinstance(another, PrivateKey):
        raise TypeError("a published key is half of a pair")
    return another
