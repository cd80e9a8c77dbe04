"""Encrypts what was signed to the one who may read it: a client or an API. Signs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from lingpai.errors import InvalidKey
from lingpai.jose.jwe import encrypt_compact
from lingpai.jose.keys import Key, PublicKey
from lingpai_server.app.ports import ClientKeys
from lingpai_server.core.client_settings import Encryption
from lingpai_server.core.records import Client


class NoRecipientKey(Exception):
    """The key to encrypt to cannot be had. The message says whose, and no more."""


@lru_cache(maxsize=256)
def load_recipient(jwk: str) -> PublicKey:
    """The public key in a JWK's text, fit to encrypt to. Raises InvalidKey."""
    key = Key.from_jwk(jwk)
    if not isinstance(key, PublicKey):
        raise InvalidKey("tokens are encrypted to a public key")
    _ = key.sealer
    return key


def nest(signed: str, key: Key, *, enc: str, typ: str) -> str:
    """A nested JWT (RFC 7519 section 5.2): signed, then encrypted to the key."""
    return encrypt_compact(signed.encode("ascii"), key, enc=enc, header={"cty": "JWT", "typ": typ})


async def encrypt_for_client(
    content: bytes,
    client: Client,
    encryption: Encryption,
    keys: ClientKeys,
    *,
    header: Mapping[str, str],
) -> str:
    """A JWE to the first of the client's keys for `encryption.alg`. Raises NoRecipientKey."""
    for fresh in (False, True):
        found = await keys.keys_of(client, fresh=fresh)
        fitting = () if found is None else found.candidates(encryption.alg, None)
        if fitting:
            return encrypt_compact(content, fitting[0], enc=encryption.enc, header=header)
    raise NoRecipientKey(f"client {client.client_id} has no key for {encryption.alg}")
