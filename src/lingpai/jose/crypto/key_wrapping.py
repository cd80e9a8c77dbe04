"""Content keys wrapped by RSA-OAEP, AES and passwords (RFC 7518 sections 4.3 to 4.8).

Functions over bytes, prepared once a key. An unwrapping that fails is DecryptionFailed, and
`key_management` hides even that (RFC 7516 section 11.5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from secrets import token_bytes
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lingpai.errors import DecryptionFailed
from lingpai.jose.algorithms import KeyManagementAlgorithm
from lingpai.jose.crypto.content import REFUSAL
from lingpai.jose.crypto.signatures import HASHES

Transform: TypeAlias = Callable[[bytes], bytes]


def make_oaep_encrypt(row: KeyManagementAlgorithm, public: Any) -> Transform:
    """content key -> encrypted key."""
    scheme, encrypt = _oaep(row), public.encrypt
    return lambda content_key: bytes(encrypt(content_key, scheme))


def make_oaep_decrypt(row: KeyManagementAlgorithm, private: Any) -> Transform:
    """encrypted key -> content key."""
    scheme, decrypt = _oaep(row), private.decrypt

    def unwrap(encrypted_key: bytes) -> bytes:
        try:
            return bytes(decrypt(encrypted_key, scheme))
        except ValueError:
            raise DecryptionFailed(REFUSAL) from None

    return unwrap


def _oaep(row: KeyManagementAlgorithm) -> padding.OAEP:
    chosen = HASHES[row.hash_name]
    return padding.OAEP(padding.MGF1(chosen), chosen, None)


def aes_wrap(wrapping_key: bytes, content_key: bytes) -> bytes:
    """RFC 3394."""
    return keywrap.aes_key_wrap(wrapping_key, content_key)


def aes_unwrap(wrapping_key: bytes, encrypted_key: bytes) -> bytes:
    """RFC 3394."""
    try:
        return keywrap.aes_key_unwrap(wrapping_key, encrypted_key)
    except (keywrap.InvalidUnwrap, ValueError):
        raise DecryptionFailed(REFUSAL) from None


class GcmWrapping:
    """RFC 7518 section 4.7: the content key is the plaintext, IV and tag go to the header."""

    __slots__ = ("_aead",)

    def __init__(self, wrapping_key: bytes) -> None:
        self._aead = AESGCM(wrapping_key)

    def wrap(self, content_key: bytes) -> tuple[bytes, bytes, bytes]:
        """IV, encrypted key and tag."""
        return self._wrap_with(token_bytes(12), content_key)

    def _wrap_with(self, iv: bytes, content_key: bytes) -> tuple[bytes, bytes, bytes]:
        """For published vectors alone."""
        wrapped = self._aead.encrypt(iv, content_key, None)
        return iv, wrapped[:-16], wrapped[-16:]

    def unwrap(self, iv: bytes, encrypted_key: bytes, tag: bytes) -> bytes:
        """The content key."""
        if len(iv) != 12 or len(tag) != 16:
            raise DecryptionFailed(REFUSAL)
        try:
            return self._aead.decrypt(iv, encrypted_key + tag, None)
        except InvalidTag:
            raise DecryptionFailed(REFUSAL) from None


def draw_salt() -> bytes:
    """The salt input of PBES2, 16 bytes; RFC 7518 section 4.8.1.1 asks for 8."""
    return token_bytes(16)


def derive_from_password(
    row: KeyManagementAlgorithm, password: bytes, salt_input: bytes, count: int
) -> bytes:
    """PBKDF2 with the salt of RFC 7518 section 4.8.1.1. The caller has bounded `count`."""
    salt = row.name.encode("ascii") + b"\0" + salt_input
    return hashlib.pbkdf2_hmac(row.hash_name, password, salt, count, row.key_bits // 8)
