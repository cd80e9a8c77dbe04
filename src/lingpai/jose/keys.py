"""Key: one key, one algorithm. Private, public and secret keys are told apart by type.

All checks are made when a key is loaded (RFC 8725 section 3.5), so that using one checks nothing.
A key never looks at a token: `key_set` and `jws` bring the two together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose import base64url, jwk, weak_keys
from lingpai.jose.algorithms import (
    ALGORITHM_OF_CURVE,
    EDDSA,
    EDDSA_CURVES,
    RSA_MIN_BITS,
    Algorithm,
    KeyManagementAlgorithm,
    SignatureAlgorithm,
    find_algorithm,
)
from lingpai.jose.crypto import native, random_bytes, sha256
from lingpai.jose.crypto.signatures import Sign, Verify, make_signer, make_verifier

THUMBPRINT_URI = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"  # RFC 9278
_SIGNING_OPS = {"private": "sign", "public": "verify"}
_PRIVATE_ENCRYPTION_OPS = frozenset({"decrypt", "unwrapKey", "deriveKey", "deriveBits"})
_PUBLIC_ENCRYPTION_OPS = frozenset({"encrypt", "wrapKey", "deriveKey", "deriveBits"})
_KNOWN_LIMIT = 64


class Key:
    """The common part of `PrivateKey`, `PublicKey` and `SecretKey`; made by the class methods.

    `allow` opts in to what is off by default: `"ES256K"`, and `"EdDSA"` as the deprecated name of
    Ed25519 and Ed448 (RFC 9864). A key loaded with a `kid` keeps it; a generated key, or one read
    from PEM or DER, takes its thumbprint (RFC 7638).
    """

    __slots__ = ("accepts", "alg", "key_ops", "kid", "known", "native", "prepared", "row", "use")

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

        Raises InvalidKey for an unknown algorithm or an impossible size.
        """
        row = _find_row(alg, allow)
        if row.kty == "oct":
            return SecretKey._made(_generate_secret(row, size), row, kid=kid)
        if row.kty == "RSA":
            bits = size or RSA_MIN_BITS
            if bits < RSA_MIN_BITS:
                raise InvalidKey(f"an RSA key has at least {RSA_MIN_BITS} bits")
            made = native.generate_rsa(bits)
        elif row.kty == "AKP":
            made = native.generate_akp(row.name)
        else:
            made = _generate_on_curve(row, curve)
        return PrivateKey(made, row, kid=kid or _thumbprint(made), accepts=_accepts(row, allow))

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
        row = _choose_row(members, alg, allow)
        return _build(
            loaded,
            row,
            is_private=is_private,
            kid=jwk.text_member(members, "kid"),
            use=jwk.text_member(members, "use"),
            key_ops=_read_key_ops(members),
            allow=allow,
        )

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
        data = pem.encode("utf-8") if isinstance(pem, str) else pem
        loaded, is_private = native.load_pem(data, password)
        return _from_native(loaded, is_private, alg, kid, allow)

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
        return _from_native(loaded, is_private, alg, kid, allow)

    @staticmethod
    def from_secret(secret: bytes, *, alg: str, kid: str | None = None) -> SecretKey:
        """A symmetric key. Raises WeakKey if it is shorter than the algorithm's hash, or if it is
        the text of a public or private key in any guise (CVE-2022-29217)."""
        if not isinstance(secret, bytes):
            raise TypeError("a secret is bytes")
        row = _find_row(alg, ())
        if row.kty != "oct":
            raise InvalidKey(f"{row.name} takes no secret")
        return SecretKey._made(secret, row, kid=kid, thumbprint=False)

    # --- taking apart -------------------------------------------------------------------------

    def to_jwk(self, *, private: bool = False) -> dict[str, Any]:
        """The key as JWK members. Private members only with `private=True`."""
        named = {"alg": self.alg, "kid": self.kid, "use": self.use}
        members = self._members(private=private) | {k: v for k, v in named.items() if v is not None}
        if self.key_ops is not None:
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

    __slots__ = ("_verify",)

    def __init__(self, native_key: Any, row: Algorithm, **fields: Any) -> None:
        super().__init__(native_key, row, **fields)
        _check_use(self, "public")
        self._verify: Verify | None = None
        if isinstance(row, SignatureAlgorithm):
            self._verify = make_verifier(row, native_key)

    @property
    def verify_signature(self) -> Verify:
        """(signature, message) -> None, or SignatureInvalid. Raises InvalidKey if not for that."""
        if self._verify is None:
            raise InvalidKey(f"a key for {self.alg} does not verify signatures")
        return self._verify


class PrivateKey(Key):
    """Signs, or decrypts. `public` is the half to give away."""

    __slots__ = ("_public", "_sign")

    def __init__(self, native_key: Any, row: Algorithm, **fields: Any) -> None:
        super().__init__(native_key, row, **fields)
        _check_use(self, "private")
        self._public: PublicKey | None = None
        self._sign: Sign | None = None
        if isinstance(row, SignatureAlgorithm):
            self._sign = make_signer(row, native_key)

    @property
    def public(self) -> PublicKey:
        """The public half: same `kid`, `alg` and `use`."""
        if self._public is None:
            fields = {"kid": self.kid, "use": self.use, "accepts": self.accepts}
            self._public = PublicKey(native.public_of(self.native), self.row, **fields)
        return self._public

    @property
    def sign_message(self) -> Sign:
        """message -> signature. Raises InvalidKey if the key is not for signing."""
        if self._sign is None:
            raise InvalidKey(f"a key for {self.alg} does not sign")
        return self._sign

    @property
    def verify_signature(self) -> Verify:
        """That of the public half."""
        return self.public.verify_signature


class SecretKey(Key):
    """Symmetric: signs and verifies, or wraps and unwraps. Shared with whoever verifies."""

    __slots__ = ("_sign", "_verify")

    def __init__(self, native_key: bytes, row: Algorithm, **fields: Any) -> None:
        super().__init__(native_key, row, **fields)
        if row.name != "dir" or len(native_key) not in (16, 24, 32, 48, 64):
            weak_keys.check_secret(native_key, algorithm=row.name, min_bits=row.min_bits)
        _check_use(self, "secret")
        self._sign: Sign | None = None
        self._verify: Verify | None = None
        if isinstance(row, SignatureAlgorithm):
            self._sign = make_signer(row, native_key)
            self._verify = make_verifier(row, native_key)
        elif row.family in ("aes-kw", "aes-gcmkw") and len(native_key) * 8 != row.key_bits:
            raise InvalidKey(f"{row.name} takes a key of exactly {row.key_bits} bits")

    @classmethod
    def _made(
        cls, secret: bytes, row: Algorithm, *, kid: str | None, thumbprint: bool = True
    ) -> SecretKey:
        if kid is None and thumbprint:
            kid = jwk.thumbprint({"kty": "oct", "k": base64url.encode(secret)})
        return cls(secret, row, kid=kid)

    def _members(self, *, private: bool) -> dict[str, Any]:
        if not private:
            raise InvalidKey("a symmetric key has no public half; pass private=True to write it")
        return {"kty": "oct", "k": base64url.encode(self.native)}

    def thumbprint(self) -> str:
        """RFC 7638. It identifies the secret; it is safe to show only for a random one."""
        return jwk.thumbprint(self._members(private=True))

    @property
    def public(self) -> SecretKey:
        """Itself: whoever verifies holds the same secret."""
        return self

    @property
    def sign_message(self) -> Sign:
        """message -> MAC. Raises InvalidKey if the key is not for signing."""
        if self._sign is None:
            raise InvalidKey(f"a key for {self.alg} does not sign")
        _check_operation(self, "sign")
        return self._sign

    @property
    def verify_signature(self) -> Verify:
        """(MAC, message) -> None, or SignatureInvalid. Raises InvalidKey if not for that."""
        if self._verify is None:
            raise InvalidKey(f"a key for {self.alg} does not verify signatures")
        _check_operation(self, "verify")
        return self._verify


# --- choosing and checking the algorithm -------------------------------------------------------


def _find_row(alg: str, allow: Collection[str]) -> Algorithm:
    row = find_algorithm(alg)
    if row is None:
        raise InvalidKey(f"{_short(alg)} is no algorithm known here")
    if isinstance(row, SignatureAlgorithm) and row.opt_in and row.name not in allow:
        raise InvalidKey(f"{row.name} is off by default; pass allow=({row.name!r},)")
    return row


def _short(alg: object) -> str:
    return ascii(alg)[:40]


def _choose_row(members: Mapping[str, Any], alg: str | None, allow: Collection[str]) -> Algorithm:
    named = jwk.text_member(members, "alg")
    kty, curve = members["kty"], members.get("crv", "")
    if named == EDDSA:
        if EDDSA not in allow:
            raise InvalidKey("the algorithm name EdDSA is deprecated; pass allow=('EdDSA',)")
        named = curve if curve in EDDSA_CURVES else named
    if named is not None and alg is not None and named != alg:
        raise InvalidKey(f"the JWK is for {_short(named)}, not for {_short(alg)}")
    chosen = (
        named or alg or (ALGORITHM_OF_CURVE.get(curve) if members.get("use") != "enc" else None)
    )
    if chosen is None:
        raise InvalidKey("the JWK names no algorithm; pass alg=")
    row = _find_row(chosen, allow)
    _check_fit(row, kty, curve)
    return row


def _check_fit(row: Algorithm, kty: str, curve: str) -> None:
    fits = kty in row.kty.split("|") and (not row.curves or curve in row.curves)
    if not fits:
        raise InvalidKey(f"{row.name} does not fit a key of type {kty} {curve}".rstrip())


def _accepts(row: Algorithm, allow: Collection[str]) -> frozenset[str]:
    legacy = EDDSA in allow and row.name in EDDSA_CURVES
    return frozenset({row.name, EDDSA} if legacy else {row.name})


def _read_key_ops(members: Mapping[str, Any]) -> tuple[str, ...] | None:
    """RFC 7517 section 4.3: an array of distinct strings."""
    ops = members.get("key_ops")
    if ops is None:
        return None
    if not isinstance(ops, (list, tuple)) or not all(isinstance(op, str) for op in ops):
        raise InvalidKey("key_ops is an array of strings")
    if len(set(ops)) != len(ops):
        raise InvalidKey("key_ops repeats an operation")
    return tuple(ops)


def _check_use(key: Key, half: str) -> None:
    """RFC 7517 sections 4.2 and 4.3: what the key says it is for must be what it is loaded for."""
    signing = isinstance(key.row, SignatureAlgorithm)
    if key.use is not None and key.use != ("sig" if signing else "enc"):
        raise InvalidKey(f"the key's use is {_short(key.use)}, which {key.alg} is not")
    if key.key_ops is None:
        return
    if half == "secret":
        wanted = {"sign", "verify"} if signing else _PRIVATE_ENCRYPTION_OPS | _PUBLIC_ENCRYPTION_OPS
    elif signing:
        wanted = {_SIGNING_OPS[half]}
    else:
        wanted = _PRIVATE_ENCRYPTION_OPS if half == "private" else _PUBLIC_ENCRYPTION_OPS
    if not wanted & set(key.key_ops):
        raise InvalidKey(f"the key's key_ops allow nothing that {key.alg} is for")


def _check_operation(key: Key, operation: str) -> None:
    if key.key_ops is not None and operation not in key.key_ops:
        raise InvalidKey(f"the key's key_ops do not allow {operation}")


# --- building -----------------------------------------------------------------------------------


def _build(
    loaded: Any,
    row: Algorithm,
    *,
    is_private: bool,
    kid: str | None,
    use: str | None = None,
    key_ops: tuple[str, ...] | None = None,
    allow: Collection[str] = (),
) -> Key:
    fields: dict[str, Any] = {"kid": kid, "use": use, "key_ops": key_ops}
    if isinstance(loaded, bytes):
        return SecretKey(loaded, row, **fields)
    fields["accepts"] = _accepts(row, allow)
    return PrivateKey(loaded, row, **fields) if is_private else PublicKey(loaded, row, **fields)


def _from_native(
    loaded: Any, is_private: bool, alg: str | None, kid: str | None, allow: Collection[str]
) -> Key:
    kty, curve = native.describe(loaded)
    if kty == "RSA":
        weak_keys.check_rsa(native.rsa_public_numbers(loaded)[0])
    chosen = alg or ALGORITHM_OF_CURVE.get(curve) or (curve if kty == "AKP" else None)
    if chosen is None:
        raise InvalidKey("this type of key serves several algorithms; pass alg=")
    row = _find_row(chosen, allow)
    _check_fit(row, kty, curve)
    if kty == "AKP" and curve != row.name:
        raise InvalidKey(f"the key is for {curve}, not for {row.name}")
    return _build(loaded, row, is_private=is_private, kid=kid or _thumbprint(loaded), allow=allow)


def _thumbprint(native_key: Any) -> str:
    kty, curve = native.describe(native_key)
    return jwk.thumbprint(jwk.from_native(native_key, kty, curve, private=False))


def _generate_on_curve(row: Algorithm, curve: str | None) -> Any:
    chosen = curve or row.curves[0]
    if chosen not in row.curves:
        raise InvalidKey(f"{row.name} does not use the curve {_short(chosen)}")
    make = native.generate_ec if chosen in native.EC_CURVES else native.generate_okp
    return make(chosen)


def _generate_secret(row: Algorithm, size: int | None) -> bytes:
    if row.name == "dir" and size is None:
        raise InvalidKey("dir needs size=, the bits of the content encryption's key")
    exact = row.key_bits if isinstance(row, KeyManagementAlgorithm) and "kw" in row.family else 0
    bits = size or (256 if row.name.startswith("PBES2") else row.min_bits)
    if bits < row.min_bits or bits % 8 or (exact and bits != exact):
        raise InvalidKey(f"{row.name} takes no key of {bits} bits")
    return random_bytes(bits // 8)


def certificate_thumbprint(der: bytes) -> str:
    """`x5t#S256`: base64url of SHA-256 over a certificate's DER (RFC 7515 section 4.1.8)."""
    return base64url.encode(sha256(der))
