"""The bare primitive of `cryptography` on bytes made ready before: the floor under all of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from bench.material import Material
from bench.peers.contract import Decrypt, Encrypt, Sign, Verify, WithoutCache
from lingpai import Key
from lingpai.jose import base64url, strict_json

_SHA256 = hashes.SHA256()
_PKCS1 = padding.PKCS1v15()
_ECDSA = ec.ECDSA(_SHA256)
_ECDSA_RFC6979 = ec.ECDSA(_SHA256, deterministic_signing=True)
_OAEP = padding.OAEP(padding.MGF1(_SHA256), _SHA256, None)
_IV_BYTES, _WRAP_BYTES = 12, 16


class Raw(WithoutCache):
    """No JSON, no base64, no claim: what is left of an operation when all else is taken away."""

    name = "raw primitive"
    distribution = "cryptography"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """One signature over the signing input of the prepared token."""
        native: Any = Key.from_jwk(material.keys[algorithm]).native
        message = _signing_input(material.tokens[algorithm])
        calls: dict[str, Callable[[], object]] = {
            "HS256": lambda: _mac(native, message).finalize(),
            "RS256": lambda: native.sign(message, _PKCS1, _SHA256),
            "ES256": lambda: native.sign(message, _ECDSA_RFC6979),
            "Ed25519": lambda: native.sign(message),
        }
        call = calls[algorithm]
        return lambda _claims: call()

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """One check of the signature of the prepared token, ECDSA's already in DER."""
        native: Any = Key.from_jwk(material.public(algorithm)).native
        message = _signing_input(material.tokens[algorithm])
        signature = base64url.decode(material.tokens[algorithm].rpartition(".")[2])
        calls: dict[str, Callable[[], object]] = {
            "HS256": lambda: _mac(native, message).verify(signature),
            "RS256": lambda: native.verify(signature, message, _PKCS1, _SHA256),
            "ES256": lambda: native.verify(der, message, _ECDSA),
            "Ed25519": lambda: native.verify(signature, message),
        }
        der = _to_der(signature) if algorithm == "ES256" else b""
        call = calls[algorithm]
        return lambda _raw: call()

    def encrypter(self, algorithm: str, material: Material) -> Encrypt:
        """A new content key as the algorithm has it, and AES-GCM over the payload."""
        native: Any = Key.from_jwk(material.public(algorithm)).native
        aad = material.tokens[algorithm].partition(".")[0].encode()
        protect = {"dir": _dir, "ECDH-ES+A128KW": _agree, "RSA-OAEP-256": _wrap_rsa}[algorithm]

        def encrypt(payload: bytes) -> object:
            content_key, wrapped = protect(native)
            iv = os.urandom(_IV_BYTES)
            return wrapped, iv, AESGCM(content_key).encrypt(iv, payload, aad)

        return encrypt

    def decrypter(self, algorithm: str, material: Material) -> Decrypt:
        """The content key recovered, and AES-GCM over the ciphertext."""
        native: Any = Key.from_jwk(material.keys[algorithm]).native
        parts = material.tokens[algorithm].split(".")
        wrapped, iv, text, tag = (base64url.decode(part) for part in parts[1:])
        aad, sealed = parts[0].encode(), text + tag
        calls: dict[str, Callable[[], bytes]] = {
            "dir": lambda: native,
            "ECDH-ES+A128KW": lambda: _agreed_key(native, ephemeral, wrapped),
            "RSA-OAEP-256": lambda: native.decrypt(wrapped, _OAEP),
        }
        ephemeral = _ephemeral(parts[0]) if algorithm.startswith("ECDH") else None
        content_key = calls[algorithm]
        return lambda _raw: AESGCM(content_key()).decrypt(iv, sealed, aad)


def _mac(secret: bytes, message: bytes) -> hmac.HMAC:
    state = hmac.HMAC(secret, _SHA256)
    state.update(message)
    return state


def _signing_input(token: str) -> bytes:
    return token.rpartition(".")[0].encode()


def _to_der(signature: bytes) -> bytes:
    half = len(signature) // 2
    return encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )


def _dir(native: bytes) -> tuple[bytes, bytes]:
    return native, b""


def _wrap_rsa(native: Any) -> tuple[bytes, bytes]:
    content_key = os.urandom(32)
    return content_key, native.encrypt(content_key, _OAEP)


def _agree(native: Any) -> tuple[bytes, object]:
    content_key = os.urandom(16)
    made = ec.generate_private_key(ec.SECP256R1())
    wrapping = _concat_kdf(made.exchange(ec.ECDH(), native))
    return content_key, (aes_key_wrap(wrapping, content_key), made.public_key())


def _agreed_key(native: Any, ephemeral: Any, wrapped: bytes) -> bytes:
    return aes_key_unwrap(_concat_kdf(native.exchange(ec.ECDH(), ephemeral)), wrapped)


def _concat_kdf(secret: bytes) -> bytes:
    """RFC 7518 section 4.6.2, without apu and apv."""
    name = b"ECDH-ES+A128KW"
    info = len(name).to_bytes(4, "big") + name + bytes(8) + (_WRAP_BYTES * 8).to_bytes(4, "big")
    return ConcatKDFHash(_SHA256, _WRAP_BYTES, info).derive(secret)


def _ephemeral(encoded_header: str) -> Any:
    header = strict_json.decode_object(base64url.decode(encoded_header))
    return Key.from_jwk(header["epk"], alg="ECDH-ES").native
