"""Content encryption: AES-GCM and AES-CBC with HMAC (RFC 7518 section 5). Knows no tokens.

A cipher is one content key, prepared; it draws each IV itself. Whatever goes wrong on opening is
one refusal, DecryptionFailed, with one message.
"""

from __future__ import annotations

import hmac
from secrets import token_bytes
from typing import Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from lingpai.errors import DecryptionFailed
from lingpai.jose.algorithms import ContentEncryption

REFUSAL = "the token could not be decrypted"

Sealed: TypeAlias = tuple[bytes, bytes, bytes]
"""IV, ciphertext, tag."""

_PKCS7 = PKCS7(128)


class ContentCipher(Protocol):
    """One content key, ready to seal and open."""

    def seal(self, plaintext: bytes, aad: bytes) -> Sealed:
        """Encrypts under a fresh IV."""

    def open(self, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes) -> bytes:
        """The plaintext. Raises DecryptionFailed, whatever the reason."""


def draw_content_key(enc: ContentEncryption) -> bytes:
    """A fresh content key of the right length."""
    return token_bytes(enc.key_bytes)


def make_cipher(enc: ContentEncryption, content_key: bytes) -> ContentCipher:
    """A cipher for a content key, which must have the length that `enc` asks for."""
    if len(content_key) != enc.key_bytes:
        raise DecryptionFailed(REFUSAL)
    if enc.hash_name:
        return CbcHmacCipher(enc, content_key)
    return GcmCipher(content_key)


class GcmCipher:
    """RFC 7518 section 5.3: 96-bit IV, 128-bit tag."""

    __slots__ = ("_decrypt", "_encrypt")

    def __init__(self, content_key: bytes) -> None:
        aead = AESGCM(content_key)
        self._encrypt = aead.encrypt
        self._decrypt = aead.decrypt

    def seal(self, plaintext: bytes, aad: bytes) -> Sealed:
        """Encrypts under a fresh IV."""
        return self._seal_with(token_bytes(12), plaintext, aad)

    def _seal_with(self, iv: bytes, plaintext: bytes, aad: bytes) -> Sealed:
        """For published vectors alone: an IV used twice under one key gives the key away."""
        sealed = self._encrypt(iv, plaintext, aad)
        return iv, sealed[:-16], sealed[-16:]

    def open(self, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes) -> bytes:
        """The plaintext. Raises DecryptionFailed."""
        if len(iv) != 12 or len(tag) != 16:
            raise DecryptionFailed(REFUSAL)
        try:
            return self._decrypt(iv, ciphertext + tag, aad)
        except InvalidTag:
            raise DecryptionFailed(REFUSAL) from None


class CbcHmacCipher:
    """RFC 7518 section 5.2: the first half of the key authenticates, the second encrypts."""

    __slots__ = ("_aes", "_hash_name", "_mac_key", "_tag_bytes")

    def __init__(self, enc: ContentEncryption, content_key: bytes) -> None:
        half = len(content_key) // 2
        self._mac_key = content_key[:half]
        self._aes = algorithms.AES(content_key[half:])
        self._hash_name = enc.hash_name
        self._tag_bytes = enc.tag_bytes

    def seal(self, plaintext: bytes, aad: bytes) -> Sealed:
        """Encrypts under a fresh IV."""
        return self._seal_with(token_bytes(16), plaintext, aad)

    def _seal_with(self, iv: bytes, plaintext: bytes, aad: bytes) -> Sealed:
        """For published vectors alone."""
        padder = _PKCS7.padder()
        padded = padder.update(plaintext) + padder.finalize()
        encryptor = Cipher(self._aes, modes.CBC(iv)).encryptor()
        ciphertext = encryptor.update(padded) + encryptor.finalize()
        return iv, ciphertext, self._tag(iv, ciphertext, aad)

    def open(self, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes) -> bytes:
        """The plaintext. The tag is checked, in constant time, before anything is decrypted."""
        if len(iv) != 16 or not hmac.compare_digest(self._tag(iv, ciphertext, aad), tag):
            raise DecryptionFailed(REFUSAL)
        decryptor = Cipher(self._aes, modes.CBC(iv)).decryptor()
        unpadder = _PKCS7.unpadder()
        try:
            padded = decryptor.update(ciphertext) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:  # only who holds the key can have sealed this
            raise DecryptionFailed(REFUSAL) from None

    def _tag(self, iv: bytes, ciphertext: bytes, aad: bytes) -> bytes:
        covered = aad + iv + ciphertext + (len(aad) * 8).to_bytes(8, "big")
        return hmac.digest(self._mac_key, covered, self._hash_name)[: self._tag_bytes]
