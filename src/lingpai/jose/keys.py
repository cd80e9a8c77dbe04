"""Key: one key, one algorithm. Private, public and secret keys are told apart by type.

All checks are made when a key is loaded (RFC 8725 section 3.5), so that using one checks nothing.
A key never looks at a token: `key_set`, `jws` and `jwe` bring the two together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from lingpai.errors import InvalidKey
from lingpai.jose import base64url, jwk, key_making, key_rules, weak_keys
from lingpai.jose.algorithms import (
    ALGORITHM_OF_CURVE,
    Algorithm,
    KeyManagementAlgorithm,
    SignatureAlgorithm,
)
from lingpai.jose.crypto import native, sha256
from lingpai.jose.crypto.signatures import Sign, Verify, make_signer, make_verifier

if TYPE_CHECKING:
    from lingpai.jose.crypto.key_management import Opener, Sealer

THUMBPRINT_URI = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"  # RFC 9278
_KNOWN_LIMIT = 64


class Key:
    """The common part of `PrivateKey`, `PublicKey` and `SecretKey`; made by the class methods.

    `allow` opts in to what is off by default: `"ES256K"`, and `"EdDSA"` as the deprecated name of
    Ed25519 and Ed448 (RFC 9864). A key loaded with a `kid` keeps it; a generated key, or one read
    from PEM or DER, takes its thumbprint (RFC 7638).
    """

    _half = "public"
    __slots__ = (
        *("accepts", "alg", "key_ops", "kid", "known", "native", "prepared", "row", "use"),
        *("_opener", "_sealer", "_sign", "_verify"),
    )

    def __init__(
        self,
        native_key: Any,
        row: Algorithm,
        *,
        kid: str | None,
        use: str | None = None,
        key_ops: tuple[str, ...] | None = None,
        accepts: frozenset[str] | None = None,
    ) -> None:
        key_rules.check_use(row, self._half, use, key_ops)
        self.alg = row.name
        self.kid = kid
        self.use = use
        self.key_ops = key_ops
        self.row = row
        self.native = native_key
        self.accepts = accepts or frozenset({row.name})
        # Headers of tokens that verified with this key, see `jws`; bounded.
        self.known: dict[bytes, Any] = {}
        # Encoded headers by `typ`, so that signing writes each only once; bounded.
        self.prepared: dict[str, bytes] = {}
        # What this half can do is prepared by its class.
        self._sign: Sign | None = None
        self._verify: Verify | None = None
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(alg={self.alg!r}, kid={self.kid!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled; write it as a JWK where it may go")

    @property
    def is_private(self) -> bool:
        """Whether it can sign or decrypt; to be kept from others."""
        return not isinstance(self, PublicKey)

    @property
    def kty(self) -> str:
        """`RSA`, `EC`, `OKP`, `AKP` or `oct`."""
        return "oct" if isinstance(self, SecretKey) else native.describe(self.native)[0]

    @property
    def enc(self) -> str | None:
        """The one content encryption of a `dir` key; None for every other key."""
        return None if isinstance(self.row, SignatureAlgorithm) else self.row.enc or None

    # --- making -------------------------------------------------------------------------------

    @staticmethod
    def generate(
        alg: str,
        *,
        kid: str | None = None,
        size: int | None = None,
        curve: str | None = None,
        allow: Collection[str] = (),
    ) -> PrivateKey | SecretKey:
        """A new key for `alg`. `size` is in bits (RSA and symmetric), `curve` is for ECDH-ES.

        The name of a content encryption makes a `dir` key for it; `dir` alone means A256GCM, or
        what the size says. Raises InvalidKey for an unknown algorithm or an impossible size.
        """
        row = key_rules.find_row(alg, allow)
        if row.kty == "oct":
            secret, row = key_making.generate_secret(row, size)
            return SecretKey(secret, row, kid=kid or _secret_thumbprint(secret))
        made = key_making.generate_native(row, size, curve)
        accepts = key_rules.accepted_names(row, allow)
        return PrivateKey(made, row, kid=kid or _thumbprint(made), accepts=accepts)

    @staticmethod
    def from_jwk(
        jwk_object: Mapping[str, Any] | str | bytes,
        *,
        alg: str | None = None,
        allow: Collection[str] = (),
    ) -> Key:
        """A key from a JWK (RFC 7517), given as a mapping or as JSON text.

        `alg` is needed where the JWK names none and its type leaves a choice; it may not contradict
        the JWK. Raises InvalidKey, or WeakKey, without a word of the key.
        """
        members = jwk.read_object(jwk_object)
        loaded, is_private = jwk.to_native(members)
        row = key_rules.choose_row(members, alg, allow)
        fields: dict[str, Any] = {
            "kid": jwk.text_member(members, "kid"),
            "use": jwk.text_member(members, "use"),
            "key_ops": key_rules.read_key_ops(members),
        }
        if row.kty == "oct":
            return SecretKey(loaded, row, **fields)
        half = PrivateKey if is_private else PublicKey
        return half(loaded, row, accepts=key_rules.accepted_names(row, allow), **fields)

    @staticmethod
    def from_pem(
        pem: bytes | str,
        *,
        alg: str | None = None,
        password: bytes | None = None,
        kid: str | None = None,
        allow: Collection[str] = (),
    ) -> Key:
        """A key from PEM: PKCS 8 (encrypted or not), PKCS 1, SEC 1, SPKI or X.509.

        `alg` may be left out where the key leaves no choice (EC, Ed25519, Ed448, ML-DSA).
        """
        data = pem.encode("utf-8", "replace") if isinstance(pem, str) else pem
        loaded, is_private = native.load_pem(data, password)
        return _from_native(loaded, alg, kid, allow, is_private=is_private)

    @staticmethod
    def from_der(
        der: bytes,
        *,
        alg: str | None = None,
        password: bytes | None = None,
        kid: str | None = None,
        allow: Collection[str] = (),
    ) -> Key:
        """The same for DER."""
        loaded, is_private = native.load_der(der, password)
        return _from_native(loaded, alg, kid, allow, is_private=is_private)

    @staticmethod
    def from_secret(secret: bytes, *, alg: str, kid: str | None = None) -> SecretKey:
        """A symmetric key. Raises WeakKey if it is shorter than the algorithm's hash, or if it is
        the text of a public or private key in any guise (CVE-2022-29217)."""
        if not isinstance(secret, bytes):
            raise TypeError("a secret is bytes")
        row = key_rules.find_row(alg)
        if row.kty != "oct":
            raise InvalidKey(f"{row.name} takes no secret")
        return SecretKey(secret, row, kid=kid)

    # --- taking apart -------------------------------------------------------------------------

    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        """The key as JWK members. Private members only with `private=True`."""
        named = {"alg": self.enc or self.alg, "kid": self.kid, "use": self.use}
        private = private and self.is_private
        members = self._members(private=private) | {k: v for k, v in named.items() if v is not None}
        if self.key_ops is not None and private == self.is_private:
            members["key_ops"] = list(self.key_ops)
        return members

    def _members(self, *, private: bool) -> dict[str, Any]:
        kty, curve = native.describe(self.native)
        return jwk.from_native(self.native, kty, curve, private=private)

    def to_pem(self, *, password: bytes | None = None) -> bytes:
        """PKCS 8 for a private key, encrypted if a password is given; SPKI for a public one."""
        if isinstance(self, SecretKey):
            raise InvalidKey("a symmetric key has no PEM form")
        return native.to_pem(self.native, password, private=self.is_private)

    def thumbprint(self) -> str:
        """RFC 7638 with SHA-256, 43 characters; also the `jkt` of DPoP (RFC 9449)."""
        return jwk.thumbprint(self._members(private=False))

    def thumbprint_uri(self) -> str:
        """RFC 9278."""
        return THUMBPRINT_URI + self.thumbprint()

    # --- using --------------------------------------------------------------------------------

    @property
    def sign_message(self) -> Sign:
        """message -> signature or MAC. Raises InvalidKey if the key is not for signing."""
        if self._sign is None:
            raise self._unfit("sign")
        self._check_operation("sign")
        return self._sign

    @property
    def verify_signature(self) -> Verify:
        """(signature, message) -> None, or SignatureInvalid. Raises InvalidKey if not for that."""
        if self._verify is None:
            raise self._unfit("verify")
        self._check_operation("verify")
        return self._verify

    @property
    def sealer(self) -> Sealer:
        """How content keys are made for the owner. Raises InvalidKey if not for that."""
        if self._sealer is None:
            raise self._unfit("encrypt")
        self._check_operation("encrypt")
        return self._sealer

    @property
    def opener(self) -> Opener:
        """How content keys are had back. Raises InvalidKey if not for that."""
        if self._opener is None:
            raise self._unfit("decrypt")
        self._check_operation("decrypt")
        return self._opener

    def _unfit(self, operation: str) -> InvalidKey:
        return InvalidKey(f"a {self._half} key for {self.alg} does not {operation}")

    def _check_operation(self, operation: str) -> None:
        if self.key_ops:  # an empty list passed `check_use`, or the key would not be here
            key_rules.check_operation(self.key_ops, operation)

    # --- answering for a header, see `key_set` --------------------------------------------------

    def candidates(self, alg: str, kid: str | None) -> tuple[Key, ...]:  # noqa: ARG002
        """Itself: who passes one key has chosen it, whatever `kid` the token names."""
        return (self,)

    def remember(self, encoded_header: bytes, value: Any) -> None:
        """Keep what a header of a verified token was found to mean; forgets all when full."""
        if len(self.known) >= _KNOWN_LIMIT:
            self.known.clear()
        self.known[encoded_header] = value

    def prepare(self, typ: str, encoded_header: bytes) -> None:
        """Keep an encoded header for the next token of this `typ`; forgets all when full."""
        if len(self.prepared) >= _KNOWN_LIMIT:
            self.prepared.clear()
        self.prepared[typ] = encoded_header


class PublicKey(Key):
    """Verifies signatures, or encrypts. May be shown to anyone."""

    _half = "public"
    __slots__ = ()

    def __init__(self, native_key: Any, row: Algorithm, **fields: Any) -> None:
        super().__init__(native_key, row, **fields)
        if isinstance(row, SignatureAlgorithm):
            self._verify = make_verifier(row, native_key)
        else:
            self._sealer = _make_sealer(row, native_key)


class PrivateKey(Key):
    """Signs, or decrypts. `public` is the half to give away."""

    _half = "private"
    __slots__ = ("_public",)

    def __init__(self, native_key: Any, row: Algorithm, **fields: Any) -> None:
        super().__init__(native_key, row, **fields)
        self._public: PublicKey | None = None
        if isinstance(row, SignatureAlgorithm):
            self._sign = make_signer(row, native_key)
        else:
            self._opener = _make_opener(row, native_key)

    @property
    def public(self) -> PublicKey:
        """The public half: same `kid`, `alg` and `use`."""
        if self._public is None:
            fields = {"kid": self.kid, "use": self.use, "accepts": self.accepts}
            self._public = PublicKey(native.public_of(self.native), self.row, **fields)
        return self._public

    @property
    def verify_signature(self) -> Verify:
        """That of the public half."""
        return self.public.verify_signature

    @property
    def sealer(self) -> Sealer:
        """That of the public half."""
        return self.public.sealer


class SecretKey(Key):
    """Symmetric: signs and verifies, or encrypts and decrypts. Shared by both sides."""

    _half = "secret"
    __slots__ = ()

    def __init__(self, native_key: bytes, row: Algorithm, **fields: Any) -> None:
        row = key_rules.settle_direct(row, len(native_key) * 8)
        super().__init__(native_key, row, **fields)
        weak_keys.check_secret(native_key, algorithm=row.name, min_bits=row.min_bits)
        key_making.check_secret_size(row, native_key)
        if isinstance(row, SignatureAlgorithm):
            self._sign = make_signer(row, native_key)
            self._verify = make_verifier(row, native_key)
        else:
            self._sealer = _make_sealer(row, native_key)
            self._opener = _make_opener(row, native_key)

    @property
    def public(self) -> SecretKey:
        """Itself: whoever verifies holds the same secret."""
        return self

    def _members(self, *, private: bool) -> dict[str, Any]:
        if not private:
            raise InvalidKey("a symmetric key has no public half; pass private=True to write it")
        return {"kty": "oct", "k": base64url.encode(self.native)}

    def thumbprint(self) -> str:
        """RFC 7638. It identifies the secret; it is safe to show only for a random one."""
        return _secret_thumbprint(self.native)


def certificate_thumbprint(der: bytes) -> str:
    """`x5t#S256`: base64url of SHA-256 over a certificate's DER (RFC 7515 section 4.1.8)."""
    return base64url.encode(sha256(der))


def _from_native(
    loaded: Any, alg: str | None, kid: str | None, allow: Collection[str], *, is_private: bool
) -> Key:
    """A key from PEM or DER, where the material names no algorithm."""
    kty, curve = native.describe(loaded)
    if kty == "RSA":
        weak_keys.check_rsa(*native.rsa_public_numbers(loaded))
    chosen = alg or ALGORITHM_OF_CURVE.get(curve) or (curve if kty == "AKP" else None)
    if chosen is None:
        raise InvalidKey("this type of key serves several algorithms; pass alg=")
    row = key_rules.find_row(chosen, allow)
    key_rules.check_fit(row, kty, curve)
    half = PrivateKey if is_private else PublicKey
    accepts = key_rules.accepted_names(row, allow)
    return half(loaded, row, kid=kid or _thumbprint(loaded), accepts=accepts)


def _thumbprint(native_key: Any) -> str:
    kty, curve = native.describe(native_key)
    return jwk.thumbprint(jwk.from_native(native_key, kty, curve, private=False))


def _secret_thumbprint(secret: bytes) -> str:
    return jwk.thumbprint({"kty": "oct", "k": base64url.encode(secret)})


def _make_sealer(row: KeyManagementAlgorithm, native_key: Any) -> Sealer:
    from lingpai.jose.crypto.key_management import make_sealer  # loaded by those alone who encrypt

    return make_sealer(row, native_key)


def _make_opener(row: KeyManagementAlgorithm, native_key: Any) -> Opener:
    from lingpai.jose.crypto.key_management import make_opener  # loaded by those alone who decrypt

    return make_opener(row, native_key)
