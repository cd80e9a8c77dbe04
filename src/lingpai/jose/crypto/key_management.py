"""How a content key is agreed on, wrapped or derived (RFC 7518 section 4), prepared once a key.

Reads and writes the header members that belong to the algorithm: `epk`, `apu`, `apv`, `iv`, `tag`,
`p2s`, `p2c`. What they say is checked as public text; what a secret key makes of them never shows:
a content key that cannot be had is replaced by a random one, and the content fails (RFC 7516
section 11.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lingpai.errors import DecryptionFailed, InvalidHeader, InvalidKey
from lingpai.jose import base64url, jwk
from lingpai.jose.algorithms import (
    CONTENT_ENCRYPTIONS,
    ContentEncryption,
    KeyManagementAlgorithm,
)
from lingpai.jose.crypto import key_agreement, key_wrapping, native
from lingpai.jose.crypto.content import ContentCipher, draw_content_key, make_cipher

MIN_PBES2_COUNT = 1000  # RFC 7518 section 4.8.1.2
MAX_PBES2_COUNT = 1_200_000  # a larger one is an attack on the reader (CVE-2022-36083)
MIN_SALT_BYTES = 8  # RFC 7518 section 4.8.1.1
# OWASP Password Storage Cheat Sheet, PBKDF2. SHA-384 costs what SHA-512 costs.
DEFAULT_PBES2_COUNTS = {"sha256": 600_000, "sha384": 220_000, "sha512": 220_000}

Members: TypeAlias = Mapping[str, Any]
Added: TypeAlias = dict[str, Any]
"""Header members that the other side needs."""


@dataclass(frozen=True, slots=True)
class SealDirect:
    """No content key travels: (enc, header) -> its cipher, and what to add to the header."""

    agree: Callable[[ContentEncryption, Members], tuple[ContentCipher, Added]]


@dataclass(frozen=True, slots=True)
class SealWrapped:
    """(content key, header) -> the encrypted key, and what to add to the header."""

    wrap: Callable[[bytes, Members], tuple[bytes, Added]]


@dataclass(frozen=True, slots=True)
class OpenDirect:
    """(enc, header) -> the cipher of the content key that both sides know."""

    agree: Callable[[ContentEncryption, Members], ContentCipher]


@dataclass(frozen=True, slots=True)
class OpenWrapped:
    """(encrypted key, header) -> the content key, or DecryptionFailed."""

    unwrap: Callable[[bytes, Members], bytes]


Sealer: TypeAlias = SealDirect | SealWrapped
Opener: TypeAlias = OpenDirect | OpenWrapped


def open_content_key(
    opener: OpenWrapped, enc: ContentEncryption, header: Members, encrypted_key: bytes
) -> ContentCipher:
    """The cipher of a wrapped content key; of a random one where there is none (section 11.5)."""
    content_key = draw_content_key(enc)
    try:
        unwrapped = opener.unwrap(encrypted_key, header)
    except DecryptionFailed:
        unwrapped = b""
    return make_cipher(enc, unwrapped if len(unwrapped) == enc.key_bytes else content_key)


def make_sealer(row: KeyManagementAlgorithm, native_key: Any) -> Sealer:
    """The sender's side, for a public or a shared key."""
    return _SEALERS[row.family](row, native_key)


def make_opener(row: KeyManagementAlgorithm, native_key: Any) -> Opener:
    """The recipient's side, for a private or a shared key."""
    return _OPENERS[row.family](row, native_key)


# --- dir (section 4.5) --------------------------------------------------------------------------


def _seal_dir(row: KeyManagementAlgorithm, secret: bytes) -> Sealer:
    cipher = make_cipher(CONTENT_ENCRYPTIONS[row.enc], secret)
    return SealDirect(lambda _enc, _header: (cipher, {}))


def _open_dir(row: KeyManagementAlgorithm, secret: bytes) -> Opener:
    cipher = make_cipher(CONTENT_ENCRYPTIONS[row.enc], secret)
    return OpenDirect(lambda _enc, _header: cipher)


# --- RSA-OAEP (section 4.3), AES key wrap (section 4.4) -----------------------------------------


def _seal_oaep(row: KeyManagementAlgorithm, public: Any) -> Sealer:
    encrypt = key_wrapping.make_oaep_encrypt(row, public)
    return SealWrapped(lambda content_key, _header: (encrypt(content_key), {}))


def _open_oaep(row: KeyManagementAlgorithm, private: Any) -> Opener:
    decrypt = key_wrapping.make_oaep_decrypt(row, private)
    return OpenWrapped(lambda encrypted_key, _header: decrypt(encrypted_key))


def _seal_aes(_row: KeyManagementAlgorithm, secret: bytes) -> Sealer:
    wrap = key_wrapping.aes_wrap
    return SealWrapped(lambda content_key, _header: (wrap(secret, content_key), {}))


def _open_aes(_row: KeyManagementAlgorithm, secret: bytes) -> Opener:
    unwrap = key_wrapping.aes_unwrap
    return OpenWrapped(lambda encrypted_key, _header: unwrap(secret, encrypted_key))


# --- AES-GCM key wrap (section 4.7) -------------------------------------------------------------


def _seal_gcm(_row: KeyManagementAlgorithm, secret: bytes) -> Sealer:
    wrapping = key_wrapping.GcmWrapping(secret)

    def wrap(content_key: bytes, _header: Members) -> tuple[bytes, Added]:
        iv, encrypted_key, tag = wrapping.wrap(content_key)
        return encrypted_key, {"iv": base64url.encode(iv), "tag": base64url.encode(tag)}

    return SealWrapped(wrap)


def _open_gcm(_row: KeyManagementAlgorithm, secret: bytes) -> Opener:
    wrapping = key_wrapping.GcmWrapping(secret)

    def unwrap(encrypted_key: bytes, header: Members) -> bytes:
        iv, tag = _read_bytes(header, "iv"), _read_bytes(header, "tag")
        return wrapping.unwrap(iv, encrypted_key, tag)

    return OpenWrapped(unwrap)


# --- PBES2 (section 4.8) ------------------------------------------------------------------------


def _seal_pbes2(row: KeyManagementAlgorithm, password: bytes) -> Sealer:
    def wrap(content_key: bytes, header: Members) -> tuple[bytes, Added]:
        count = header.get("p2c", DEFAULT_PBES2_COUNTS[row.hash_name])
        if type(count) is not int or not MIN_PBES2_COUNT <= count <= MAX_PBES2_COUNT:
            raise ValueError(f"p2c is {MIN_PBES2_COUNT} to {MAX_PBES2_COUNT}")
        salt = key_wrapping.draw_salt()
        derived = key_wrapping.derive_from_password(row, password, salt, count)
        added: Added = {"p2s": base64url.encode(salt)}
        if "p2c" not in header:
            added["p2c"] = count
        return key_wrapping.aes_wrap(derived, content_key), added

    return SealWrapped(wrap)


def _open_pbes2(row: KeyManagementAlgorithm, password: bytes) -> Opener:
    def unwrap(encrypted_key: bytes, header: Members) -> bytes:
        count = check_pbes2_count(header.get("p2c"))
        salt = _read_bytes(header, "p2s")
        if len(salt) < MIN_SALT_BYTES:
            raise InvalidHeader(f"p2s has less than {MIN_SALT_BYTES} bytes")
        derived = key_wrapping.derive_from_password(row, password, salt, count)
        return key_wrapping.aes_unwrap(derived, encrypted_key)

    return OpenWrapped(unwrap)


def check_pbes2_count(count: object, *, tries: int = 1) -> int:
    """A `p2c` that is within bounds, `tries` times over. Raises InvalidHeader, before any work."""
    if type(count) is not int or not MIN_PBES2_COUNT <= count <= MAX_PBES2_COUNT // tries:
        raise InvalidHeader(
            f"p2c is not {MIN_PBES2_COUNT} to {MAX_PBES2_COUNT}, over all passwords to try"
        )
    return count


# --- ECDH-ES (section 4.6) ----------------------------------------------------------------------


def _seal_ecdh(row: KeyManagementAlgorithm, public: Any) -> Sealer:
    kty, curve = native.describe(public)

    def agree(algorithm: str, header: Members, key_bits: int) -> tuple[bytes, Added]:
        ephemeral = key_agreement.make_ephemeral(kty, curve)
        epk = jwk.from_native(native.public_of(ephemeral), kty, curve, private=False)
        try:
            secret = key_agreement.make_exchange(ephemeral)(public)
        except DecryptionFailed:
            raise InvalidKey("the public key is a point of small order") from None
        return _derive(secret, algorithm, header, key_bits), {"epk": epk}

    def agree_directly(enc: ContentEncryption, header: Members) -> tuple[ContentCipher, Added]:
        content_key, added = agree(enc.name, header, enc.key_bytes * 8)
        return make_cipher(enc, content_key), added

    def wrap(content_key: bytes, header: Members) -> tuple[bytes, Added]:
        wrapping_key, added = agree(row.name, header, row.key_bits)
        return key_wrapping.aes_wrap(wrapping_key, content_key), added

    return SealWrapped(wrap) if row.key_bits else SealDirect(agree_directly)


def _open_ecdh(row: KeyManagementAlgorithm, private: Any) -> Opener:
    kty, curve = native.describe(private)
    exchange = key_agreement.make_exchange(private)

    def agree(algorithm: str, header: Members, key_bits: int) -> bytes:
        epk = _read_epk(header.get("epk"), kty, curve)
        return _derive(exchange(epk), algorithm, header, key_bits)

    def agree_directly(enc: ContentEncryption, header: Members) -> ContentCipher:
        return make_cipher(enc, agree(enc.name, header, enc.key_bytes * 8))

    def unwrap(encrypted_key: bytes, header: Members) -> bytes:
        wrapping_key = agree(row.name, header, row.key_bits)
        return key_wrapping.aes_unwrap(wrapping_key, encrypted_key)

    return OpenWrapped(unwrap) if row.key_bits else OpenDirect(agree_directly)


def _derive(secret: bytes, algorithm: str, header: Members, key_bits: int) -> bytes:
    apu = _read_bytes(header, "apu") if "apu" in header else b""
    apv = _read_bytes(header, "apv") if "apv" in header else b""
    return key_agreement.derive(secret, algorithm, apu, apv, key_bits)


def _read_epk(epk: Any, kty: str, curve: str) -> Any:
    """The sender's ephemeral public key, which must be a point of the recipient's own curve."""
    if not isinstance(epk, Mapping) or epk.get("kty") != kty or epk.get("crv") != curve:
        raise InvalidHeader("epk is no public key on the curve of the recipient's key")
    if not jwk.PRIVATE_MEMBERS.isdisjoint(epk):
        raise InvalidHeader("epk holds a private key")
    try:
        return jwk.to_native(epk)[0]
    except InvalidKey:
        raise InvalidHeader("epk is no public key on the curve of the recipient's key") from None


def _read_bytes(header: Members, name: str) -> bytes:
    value = header.get(name)
    if isinstance(value, str):
        try:
            return base64url.decode(value)
        except ValueError:
            pass
    raise InvalidHeader(f"the header member {name!r} is missing or not base64url")


_SEALERS: Mapping[str, Callable[[KeyManagementAlgorithm, Any], Sealer]] = {
    "dir": _seal_dir,
    "rsa-oaep": _seal_oaep,
    "aes-kw": _seal_aes,
    "aes-gcmkw": _seal_gcm,
    "pbes2": _seal_pbes2,
    "ecdh-es": _seal_ecdh,
}
_OPENERS: Mapping[str, Callable[[KeyManagementAlgorithm, Any], Opener]] = {
    "dir": _open_dir,
    "rsa-oaep": _open_oaep,
    "aes-kw": _open_aes,
    "aes-gcmkw": _open_gcm,
    "pbes2": _open_pbes2,
    "ecdh-es": _open_ecdh,
}
