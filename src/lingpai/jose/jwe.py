"""JWE, compact serialisation (RFC 7516 section 7.1): content that one key alone can read.

A JWE made for a public key says nothing about its sender: anyone can have made it. What must be
believed is signed inside. The JSON serialisations are in `jwe_json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, assert_never

from lingpai.errors import (
    AlgorithmMismatch,
    DecryptionFailed,
    InvalidHeader,
    InvalidKey,
    MalformedToken,
    UnexpectedKind,
    UnknownAlgorithm,
    UnknownKey,
    quote,
)
from lingpai.jose import base64url, strict_json
from lingpai.jose.algorithms import (
    CONTENT_ENCRYPTIONS,
    DEFAULT_CONTENT_ENCRYPTION,
    KEY_MANAGEMENT_ALGORITHMS,
    ContentEncryption,
)
from lingpai.jose.compression import inflate
from lingpai.jose.crypto.content import ContentCipher, draw_content_key, make_cipher
from lingpai.jose.crypto.key_management import (
    OpenDirect,
    Opener,
    OpenWrapped,
    SealDirect,
    SealWrapped,
    check_pbes2_count,
    open_content_key,
)
from lingpai.jose.header import (
    JweHeader,
    decode_members,
    encode_members,
    read_jwe_header,
    write_members,
)
from lingpai.jose.jws import MAX_TOKEN_BYTES, KeySource, to_bytes
from lingpai.jose.keys import Key

# Their header is the same for every token of a sender, so what it means is worth remembering.
_CONSTANT_FAMILIES = frozenset({"dir", "rsa-oaep", "aes-kw"})


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What a JWE held, and the header that it was protected with."""

    header: JweHeader
    plaintext: bytes = field(repr=False)


class SealedContent(NamedTuple):
    """The encrypted content of a JWE and what its tag covers."""

    iv: bytes
    ciphertext: bytes
    tag: bytes
    aad: bytes


# --- encrypting ---------------------------------------------------------------------------------


def encrypt(
    payload: bytes | Mapping[str, Any],
    key: Key,
    *,
    enc: str | None = None,
    typ: str | None = None,
    headers: Mapping[str, Any] | None = None,
) -> str:
    """A compact JWE over bytes, or over a JSON object. See `encrypt_compact`."""
    plaintext = payload if isinstance(payload, bytes) else strict_json.encode(dict(payload))
    header = {**({} if typ is None else {"typ": typ}), **(headers or {})}
    return encrypt_compact(plaintext, key, enc=enc, header=header)


def encrypt_compact(
    plaintext: bytes,
    key: Key,
    *,
    enc: str | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """A compact JWE. `alg` is the key's, `kid` defaults to it, `enc` to A256GCM.

    `header` may hold `apu` and `apv` (base64url) for ECDH-ES and a `p2c` for PBES2. One `dir` or
    AES key in GCM is good for 2^32 tokens (NIST SP 800-38D section 8.3). Raises InvalidKey for a
    key that does not encrypt, and ValueError for an unknown `enc`, one that is not a `dir` key's
    own, or a header member that is not the caller's to set.
    """
    row = choose_enc(key, enc)
    members = write_members(key.alg, key.kid, {"enc": row.name, **(header or {})})
    cipher, encrypted_key, added = seal_content_key(key, row, members)
    protected = encode_members({**members, **added})
    iv, ciphertext, tag = cipher.seal(plaintext, protected)
    encode = base64url.encode_bytes
    parts = (protected, encode(encrypted_key), encode(iv), encode(ciphertext), encode(tag))
    return b".".join(parts).decode("ascii")


def choose_enc(key: Key, enc: str | None) -> ContentEncryption:
    """The row of `enc`, of a `dir` key's own, or of the default. Raises ValueError."""
    name = enc or key.enc or DEFAULT_CONTENT_ENCRYPTION
    row = CONTENT_ENCRYPTIONS.get(name)
    if row is None:
        raise ValueError(f"{quote(name)} is no content encryption known here")
    if key.enc is not None and key.enc != name:
        raise ValueError(f"the key is for {key.enc} and nothing else")
    return row


def seal_content_key(
    key: Key, enc: ContentEncryption, header: Mapping[str, Any]
) -> tuple[ContentCipher, bytes, dict[str, Any]]:
    """The cipher of a fresh or agreed content key, its encrypted form, what the header must add.

    Raises InvalidKey, or ValueError for another `enc` or a `p2c` out of bounds.
    """
    if header["enc"] != enc.name:
        raise ValueError("enc is chosen by the parameter")
    match key.sealer:
        case SealDirect(agree):
            cipher, added = agree(enc, header)
            return cipher, b"", added
        case SealWrapped():
            content_key = draw_content_key(enc)
            encrypted_key, added = wrap_content_key(key, content_key, header)
            return make_cipher(enc, content_key), encrypted_key, added
        case other:
            assert_never(other)


def wrap_content_key(
    key: Key, content_key: bytes, header: Mapping[str, Any]
) -> tuple[bytes, dict[str, Any]]:
    """A content key encrypted to one of several recipients, and what its header must add.

    Raises InvalidKey, also for a key that can have no content key but its own; ValueError for a
    `p2c` out of bounds.
    """
    sealer = key.sealer
    if isinstance(sealer, SealDirect):
        raise InvalidKey(f"a key for {key.alg} encrypts to one recipient only")
    return sealer.wrap(content_key, header)


# --- decrypting ---------------------------------------------------------------------------------


def decrypt(
    raw: str | bytes,
    keys: KeySource,
    *,
    max_bytes: int = MAX_TOKEN_BYTES,
    allow_compressed: bool = False,
) -> Decrypted:
    """What a compact JWE holds. See `decrypt_compact`."""
    header, plaintext = decrypt_compact(
        raw, keys, max_bytes=max_bytes, allow_compressed=allow_compressed
    )
    return Decrypted(header, plaintext)


def decrypt_compact(
    token: str | bytes,
    keys: KeySource,
    *,
    max_bytes: int = MAX_TOKEN_BYTES,
    allow_compressed: bool = False,
) -> tuple[JweHeader, bytes]:
    """The header and the plaintext of a compact JWE.

    `allow_compressed` accepts `zip: DEF`, up to 250,000 bytes inflated. Raises MalformedToken and
    its kinds, UnknownAlgorithm, AlgorithmMismatch, UnknownKey, or DecryptionFailed, which says no
    more; InvalidKey for a key
    that does not decrypt.
    """
    data = to_bytes(token, max_bytes)
    parts = data.split(b".", 5)
    if len(parts) != 5:
        raise explain_shape(data)
    protected = parts[0]
    known = keys.known.get(protected + b".")  # the dot keeps it apart from the headers of a JWS
    header: JweHeader = known[0] if known else read_jwe_header(decode_members(protected))
    openers, enc = known[1:] if known else find_openers(header, keys, allow_compressed)
    try:
        encrypted_key, iv, ciphertext, tag = map(base64url.decode_bytes, parts[1:])
    except ValueError:
        raise MalformedToken("a part of the token is not base64url") from None
    content = SealedContent(iv, ciphertext, tag, protected)
    plaintext = open_any(openers, enc, header, encrypted_key, content)
    if not known and is_constant(header) and len(openers) == 1:
        keys.remember(protected + b".", (header, openers, enc))
    return header, inflate(plaintext) if header.compressed else plaintext


def is_constant(header: JweHeader) -> bool:
    """Whether other tokens may carry the very same header."""
    family = KEY_MANAGEMENT_ALGORITHMS[header.alg].family
    return family in _CONSTANT_FAMILIES and not header.compressed


def find_openers(
    header: JweHeader, keys: KeySource, allow_compressed: bool, *, share: int = 1
) -> tuple[tuple[Opener, ...], ContentEncryption]:
    """The keys to try for a header, each of one algorithm, the one that the header names.

    `share` is among how many headers of one token the work for passwords is divided. Raises
    UnknownAlgorithm, UnknownKey, AlgorithmMismatch, InvalidKey or InvalidHeader.
    """
    row = KEY_MANAGEMENT_ALGORITHMS.get(header.alg)
    if row is None:
        raise UnknownAlgorithm(f"alg is {quote(header.alg)}, which is no key management here")
    enc = CONTENT_ENCRYPTIONS.get(header.enc)
    if enc is None:
        raise UnknownAlgorithm(f"enc is {quote(header.enc)}, which is no content encryption here")
    if header.compressed and not allow_compressed:
        raise InvalidHeader("the content is compressed, which is accepted only where asked for")
    candidates = keys.candidates(header.alg, header.kid)
    if not candidates:
        raise UnknownKey(f"no key for alg {header.alg} and kid {quote(header.kid)}")
    fitting = [key for key in candidates if _fits(key, header)]
    if not fitting:
        raise _explain_mismatch(candidates[0], header)
    if row.family == "pbes2":  # the work is bounded over all that will be tried
        check_pbes2_count(header.members.get("p2c"), tries=len(fitting) * share)
    owned = [key for key in fitting if key.is_private]
    return tuple(key.opener for key in owned or fitting), enc


def _fits(key: Key, header: JweHeader) -> bool:
    return header.alg in key.accepts and key.enc in (None, header.enc)


def _explain_mismatch(key: Key, header: JweHeader) -> AlgorithmMismatch:
    asked = f"alg is {quote(header.alg)} and enc {quote(header.enc)}"
    return AlgorithmMismatch(f"{asked}, the key is for {key.enc or key.alg} only")


def open_any(
    openers: tuple[Opener, ...],
    enc: ContentEncryption,
    header: JweHeader,
    encrypted_key: bytes,
    content: SealedContent,
) -> bytes:
    """The plaintext, by the first key that gives it. Raises DecryptionFailed."""
    for opener in openers[:-1]:
        try:
            return _open(opener, enc, header, encrypted_key, content)
        except DecryptionFailed:
            continue
    return _open(openers[-1], enc, header, encrypted_key, content)


def _open(
    opener: Opener,
    enc: ContentEncryption,
    header: JweHeader,
    encrypted_key: bytes,
    content: SealedContent,
) -> bytes:
    match opener:
        case OpenDirect(agree):
            if encrypted_key:  # RFC 7516 section 5.2 step 10
                raise MalformedToken(f"{header.alg} has no encrypted key, and this token has one")
            cipher = agree(enc, header.members)
        case OpenWrapped():
            cipher = open_content_key(opener, enc, header.members, encrypted_key)
        case other:
            assert_never(other)
    return cipher.open(content.iv, content.ciphertext, content.tag, content.aad)


def explain_shape(data: bytes) -> MalformedToken:
    """Why text is no compact JWE."""
    dots = data.count(b".")
    if dots == 2:
        return UnexpectedKind("a signed token (JWS) where an encrypted one (JWE) is asked for")
    return MalformedToken(f"an encrypted token has five parts, this has {dots + 1}")
