"""Lingpai: sign, verify, encrypt and decrypt tokens; embed a verifier that needs no look-up.

The names in `__all__` are the API. Encryption, and `Verifier` with all that needs the network, load
when first used, so that a program that only checks signatures never pays for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lingpai import errors
from lingpai._version import __version__
from lingpai.api import sign, verify
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey, PublicKey, SecretKey
from lingpai.jwt.issue import Budget
from lingpai.jwt.policy import (
    ANY_AUDIENCE,
    ANY_ISSUER,
    IGNORE_BINDING,
    IGNORE_STATUS,
    NO_TYP,
    Policy,
)
from lingpai.jwt.token import VerifiedToken

if TYPE_CHECKING:
    from lingpai.jose.jwe import Decrypted as Decrypted
    from lingpai.jose.jwe import decrypt as decrypt
    from lingpai.jose.jwe import encrypt as encrypt
    from lingpai.verifier import Verifier as Verifier

__all__ = [
    "ANY_AUDIENCE",
    "ANY_ISSUER",
    "IGNORE_BINDING",
    "IGNORE_STATUS",
    "NO_TYP",
    "Budget",
    "Decrypted",
    "Key",
    "KeySet",
    "Policy",
    "PrivateKey",
    "PublicKey",
    "SecretKey",
    "VerifiedToken",
    "Verifier",
    "__version__",
    "decrypt",
    "encrypt",
    "errors",
    "sign",
    "verify",
]

_LAZY = {
    "Decrypted": "lingpai.jose.jwe",
    "Verifier": "lingpai.verifier",
    "decrypt": "lingpai.jose.jwe",
    "encrypt": "lingpai.jose.jwe",
}


def __getattr__(name: str) -> Any:
    """PEP 562: the parts that not every program needs, on first use."""
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'lingpai' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
