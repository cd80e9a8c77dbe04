"""Seals keys at rest with AES-256-GCM, and keeps the key that does it. Knows bytes, never a record.

A sealed blob is `0x01 ‖ nonce (12 bytes) ‖ ciphertext and tag`. The associated data binds it to its
purpose and kid, so that one sealed key cannot be put in the place of another.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai_server.core.records import KeyPurpose
from lingpai_server.core.secret import Secret

SEALING_KEY_BYTES = 32
DEFAULT_FILE_NAME = "sealing.key"
_FORMAT = b"\x01"
_NONCE_BYTES = 12
_LABEL = b"lingpai sealed key"
_PRIVATE_MODE = 0o600


class SealBroken(Exception):
    """A blob does not open: another sealing key, another kid or purpose, or a damaged row."""


class SealingKeyError(Exception):
    """There is no usable sealing key. The message says where it was looked for."""


class SealingKey:
    """Seals and opens. Raises ValueError unless made of 32 bytes."""

    __slots__ = ("_aead",)

    def __init__(self, secret: Secret[bytes]) -> None:
        if len(secret.reveal()) != SEALING_KEY_BYTES:
            raise ValueError(f"a sealing key has {SEALING_KEY_BYTES} bytes")
        self._aead = AESGCM(secret.reveal())

    def seal(self, content: Secret[bytes], *, kid: str, purpose: KeyPurpose) -> bytes:
        """Sealed under a fresh nonce: sealing twice gives two blobs."""
        nonce = random_bytes(_NONCE_BYTES)
        bound = _associated_data(kid, purpose)
        return _FORMAT + nonce + self._aead.encrypt(nonce, content.reveal(), bound)

    def open(self, sealed: bytes, *, kid: str, purpose: KeyPurpose) -> Secret[bytes]:
        """What was sealed. Raises SealBroken."""
        start = len(_FORMAT) + _NONCE_BYTES
        if sealed[: len(_FORMAT)] != _FORMAT or len(sealed) <= start:
            raise SealBroken(f"key {kid} is not in a sealed format known here")
        nonce = sealed[len(_FORMAT) : start]
        try:
            return Secret(self._aead.decrypt(nonce, sealed[start:], _associated_data(kid, purpose)))
        except InvalidTag:
            raise SealBroken(f"the sealing key does not open key {kid}") from None


def read_sealing_key(text: str, where: str) -> SealingKey:
    """A sealing key from its base64url text. Raises SealingKeyError naming `where`, not the key."""
    try:
        return SealingKey(Secret(base64url.decode(text.strip())))
    except ValueError:
        told = f"{where} does not hold {SEALING_KEY_BYTES} bytes in base64url"
        raise SealingKeyError(told) from None


def load_sealing_key(file: Path) -> SealingKey:
    """The sealing key of a file. Raises SealingKeyError."""
    try:
        return read_sealing_key(file.read_text(encoding="ascii"), str(file))
    except OSError as error:
        told = f"the sealing key cannot be read from {file}: {error.strerror}"
        raise SealingKeyError(told) from error
    except UnicodeDecodeError:
        raise SealingKeyError(f"{file} does not hold a sealing key") from None


def create_sealing_key(file: Path) -> SealingKey:
    """The sealing key of a file, which is made if it is not there, readable by its owner alone.

    Of several processes that start at once one makes it and all get the same: the file appears
    whole, under its name, or not at all. Raises SealingKeyError.
    """
    if not file.exists():
        draft = file.with_name(f".{file.name}.{base64url.encode(random_bytes(9))}")
        try:
            _write_private(draft, base64url.encode(random_bytes(SEALING_KEY_BYTES)) + "\n")
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)
            draft.unlink()
            _make_durable(file.parent)
        except OSError as error:
            told = f"the sealing key cannot be written to {file}: {error.strerror}"
            raise SealingKeyError(told) from error
    return load_sealing_key(file)


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _make_durable(folder: Path) -> None:
    """A key that is lost in a power cut would make every sealed key in the database useless."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _associated_data(kid: str, purpose: KeyPurpose) -> bytes:
    return b"\x00".join((_LABEL, purpose.value.encode("ascii"), kid.encode("utf-8")))
