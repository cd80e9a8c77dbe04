"""JWE in JSON (RFC 7516 section 7.2): several recipients, unprotected headers, additional data.

Not for JWTs, which are compact only. What stood in an unprotected header is called unverified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lingpai.errors import DecryptionFailed, InvalidHeader, TokenError
from lingpai.jose import base64url, json_parts
from lingpai.jose.algorithms import KEY_MANAGEMENT_ALGORITHMS, ContentEncryption
from lingpai.jose.compression import inflate
from lingpai.jose.crypto.content import ContentCipher, draw_content_key, make_cipher
from lingpai.jose.crypto.key_management import MAX_PBES2_COUNT
from lingpai.jose.header import (
    JweHeader,
    check_own_members,
    encode_members,
    read_jwe_header,
    write_members,
)
from lingpai.jose.jwe import (
    SealedContent,
    choose_enc,
    find_openers,
    open_any,
    seal_content_key,
    wrap_content_key,
)
from lingpai.jose.jws import KeySource
from lingpai.jose.keys import Key

_FLATTENED = ("header", "encrypted_key")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One key to encrypt to, and what its own, unprotected header adds."""

    key: Key
    header: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecryptedJwe:
    """What a JWE held, for which recipient, and what was protected beside it."""

    plaintext: bytes = field(repr=False)
    aad: bytes = field(repr=False)
    recipient: int
    alg: str
    enc: str
    kid: str | None
    protected: Mapping[str, Any] = field(repr=False)
    unverified: Mapping[str, Any] = field(repr=False)


# --- encrypting ---------------------------------------------------------------------------------


def encrypt_flattened(
    plaintext: bytes,
    key: Key,
    *,
    enc: str | None = None,
    header: Mapping[str, Any] | None = None,
    unprotected: Mapping[str, Any] | None = None,
    aad: bytes = b"",
) -> dict[str, Any]:
    """A flattened JWE for one key; `header` is protected, `aad` is authenticated and readable.

    Raises as `jwe.encrypt_compact`, and ValueError for a member in both headers.
    """
    row = choose_enc(key, enc)
    members = write_members(key.alg, key.kid, {"enc": row.name, **(header or {})})
    outside = _check_outside(members, unprotected or {})
    cipher, encrypted_key, added = seal_content_key(key, row, {**members, **outside})
    token: dict[str, Any] = {"unprotected": outside} if outside else {}
    if encrypted_key:
        token["encrypted_key"] = base64url.encode(encrypted_key)
    return token | _seal(cipher, {**members, **added}, plaintext, aad)


def encrypt_general(
    plaintext: bytes,
    recipients: Sequence[Recipient],
    *,
    enc: str | None = None,
    header: Mapping[str, Any] | None = None,
    unprotected: Mapping[str, Any] | None = None,
    aad: bytes = b"",
) -> dict[str, Any]:
    """A general JWE that each of the recipients can read; `header` is protected and shared.

    `dir` and ECDH-ES without key wrapping serve one recipient only (RFC 7516 section 7.2.1).
    Raises as `encrypt_flattened`.
    """
    if not 1 <= len(recipients) <= json_parts.MAX_ENTRIES:
        raise ValueError(f"a JWE has 1 to {json_parts.MAX_ENTRIES} recipients")
    row = choose_enc(recipients[0].key, enc)
    members = {"enc": row.name, **(header or {})}
    check_own_members(members)
    if "alg" in members:
        raise ValueError("alg is the recipients' own")
    outside = _check_outside(members, unprotected or {})
    cipher, entries = _seal_for_all(recipients, row, {**members, **outside})
    token: dict[str, Any] = {"unprotected": outside} if outside else {}
    return token | {"recipients": entries} | _seal(cipher, members, plaintext, aad)


def _check_outside(members: Mapping[str, Any], outside: Mapping[str, Any]) -> dict[str, Any]:
    check_own_members(outside)
    if not members.keys().isdisjoint(outside) or "alg" in outside:
        raise ValueError("a header member is protected or unprotected, not both")
    return dict(outside)


def _seal_for_all(
    recipients: Sequence[Recipient], enc: ContentEncryption, shared: Mapping[str, Any]
) -> tuple[ContentCipher, list[dict[str, Any]]]:
    if len(recipients) == 1:
        own, members = _recipient_header(recipients[0], shared)
        cipher, encrypted_key, added = seal_content_key(recipients[0].key, enc, members)
        return cipher, [_entry(own, added, encrypted_key)]
    content_key = draw_content_key(enc)
    entries = []
    for recipient in recipients:
        own, members = _recipient_header(recipient, shared)
        encrypted_key, added = wrap_content_key(recipient.key, content_key, members)
        entries.append(_entry(own, added, encrypted_key))
    _check_work(entries)
    return make_cipher(enc, content_key), entries


def _check_work(entries: list[dict[str, Any]]) -> None:
    """What `find_openers` would refuse as too much work for a reader is not written."""
    counts = [entry["header"]["p2c"] for entry in entries if "p2c" in entry["header"]]
    if counts and max(counts) * len(counts) > MAX_PBES2_COUNT:
        raise ValueError(f"the password recipients need more than {MAX_PBES2_COUNT} rounds")


def _recipient_header(
    recipient: Recipient, shared: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The recipient's own header, and the joined one."""
    own = write_members(recipient.key.alg, recipient.key.kid, recipient.header)
    if not shared.keys().isdisjoint(own):
        raise ValueError("a header member is shared or a recipient's own, not both")
    return own, {**shared, **own}


def _entry(own: dict[str, Any], added: Mapping[str, Any], encrypted_key: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"header": {**own, **added}}
    return entry | ({"encrypted_key": base64url.encode(encrypted_key)} if encrypted_key else {})


def _seal(
    cipher: ContentCipher, members: Mapping[str, Any], plaintext: bytes, aad: bytes
) -> dict[str, str]:
    protected = encode_members(members)
    encoded_aad = base64url.encode_bytes(aad)
    iv, ciphertext, tag = cipher.seal(plaintext, _covered(protected, encoded_aad))
    token = {
        "protected": protected.decode("ascii"),
        "iv": base64url.encode(iv),
        "ciphertext": base64url.encode(ciphertext),
        "tag": base64url.encode(tag),
    }
    return token | ({"aad": encoded_aad.decode("ascii")} if aad else {})


def _covered(protected: bytes, encoded_aad: bytes) -> bytes:
    """RFC 7516 section 5.1 step 14."""
    return protected + b"." + encoded_aad if encoded_aad else protected


# --- decrypting ---------------------------------------------------------------------------------


def decrypt_json(
    token: Mapping[str, Any] | str | bytes,
    keys: KeySource,
    *,
    max_bytes: int = json_parts.MAX_JSON_BYTES,
    allow_compressed: bool = False,
) -> DecryptedJwe:
    """What a flattened or general JWE holds, by the first recipient whose key is here.

    Raises as `jwe.decrypt_compact`.
    """
    members = json_parts.read_token(token, max_bytes)
    entries = json_parts.entries(members, "recipients", _FLATTENED)
    protected = json_parts.protected(members)
    shared = json_parts.headers(members, "unprotected")
    content, aad = _read_content(members)
    headers = _read_headers(protected, shared, entries)
    index, plaintext = _decrypt_first(headers, entries, content, keys, allow_compressed)
    header = headers[index]
    return DecryptedJwe(
        plaintext=inflate(plaintext) if header.compressed else plaintext,
        aad=aad,
        recipient=index,
        alg=header.alg,
        enc=header.enc,
        kid=header.kid,
        protected=protected,
        unverified={**shared, **json_parts.headers(entries[index], "header")},
    )


def _read_content(members: Mapping[str, Any]) -> tuple[SealedContent, bytes]:
    """The encrypted content with all that its tag covers, and the additional data in it."""
    json_parts.text(members, "ciphertext")
    aad = json_parts.octets(members, "aad")
    protected = json_parts.ascii_text(members, "protected")
    content = SealedContent(
        iv=json_parts.octets(members, "iv"),
        ciphertext=json_parts.octets(members, "ciphertext"),
        tag=json_parts.octets(members, "tag"),
        aad=_covered(protected, json_parts.ascii_text(members, "aad")),
    )
    return content, aad


def _read_headers(
    protected: Mapping[str, Any], shared: Mapping[str, Any], entries: list[dict[str, Any]]
) -> list[JweHeader]:
    """One header a recipient; what concerns the content is the same in all (section 7.2.1)."""
    own = [json_parts.headers(entry, "header") for entry in entries]
    headers = [read_jwe_header(protected, shared, members) for members in own]
    if len({(header.enc, header.compressed) for header in headers}) != 1:
        raise InvalidHeader("enc is not the same for all recipients")
    return headers


def _decrypt_first(
    headers: list[JweHeader],
    entries: list[dict[str, Any]],
    content: SealedContent,
    keys: KeySource,
    allow_compressed: bool,
) -> tuple[int, bytes]:
    """The first recipient that a key of ours can be, and what it reads."""
    encrypted_keys = [json_parts.octets(entry, "encrypted_key") for entry in entries]
    passwords = max(1, sum(_is_pbes2(header) for header in headers))
    refusals: list[TokenError] = []
    for index, header in enumerate(headers):
        try:
            openers, enc = find_openers(header, keys, allow_compressed, share=passwords)
            return index, open_any(openers, enc, header, encrypted_keys[index], content)
        except TokenError as refusal:
            refusals.append(refusal)
    failed = [refusal for refusal in refusals if isinstance(refusal, DecryptionFailed)]
    raise (failed or refusals)[0]


def _is_pbes2(header: JweHeader) -> bool:
    row = KEY_MANAGEMENT_ALGORITHMS.get(header.alg)
    return row is not None and row.family == "pbes2"
