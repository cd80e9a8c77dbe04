"""Profiles: what each kind of token must and must not hold, as data. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Profile(msgspec.Struct, frozen=True):
    """One kind of token. `required` and `forbidden` are claim names.

    `audience` says whether `aud` is compared with the policy's; `expires` whether `exp` must be
    there (where it is, it is always checked).
    """

    name: str
    typ: str | None
    required: tuple[str, ...]
    forbidden: tuple[str, ...] = ()
    audience: bool = True
    expires: bool = True


GENERIC = Profile("generic", None, ("iss", "aud", "exp"))

# RFC 9068 section 2.2
ACCESS_TOKEN = Profile(
    "access token", "at+jwt", ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
)
# OpenID Connect Core section 2; the typ is not defined there, so a policy names it or NO_TYP
ID_TOKEN = Profile("ID token", None, ("iss", "sub", "aud", "exp", "iat"))
# OpenID Connect Back-Channel Logout section 2.4: a nonce would make it pass for an ID token
LOGOUT_TOKEN = Profile(
    "logout token", "logout+jwt", ("iss", "aud", "iat", "exp", "jti", "events"), ("nonce",)
)
# RFC 9449 section 4.2; checked by `dpop`, since it has neither issuer nor audience
DPOP_PROOF = Profile(
    "DPoP proof", "dpop+jwt", ("jti", "htm", "htu", "iat"), audience=False, expires=False
)
# RFC 7523 section 3; RFC 10070 names the typ
CLIENT_ASSERTION = Profile(
    "client assertion", "client-authentication+jwt", ("iss", "sub", "aud", "exp", "jti")
)
# RFC 8417 section 2.2: no exp, no sub
SECURITY_EVENT = Profile(
    "security event", "secevent+jwt", ("iss", "iat", "jti", "events"), ("exp", "sub"), expires=False
)
# Token Status List section 5.1: sub is the list's own URI
STATUS_LIST = Profile(
    "status list",
    "statuslist+jwt",
    ("sub", "iat", "status_list"),
    audience=False,
    expires=False,
)
# what an issuer streams to its verifiers; see `status_stream`
STATUS_STREAM = Profile(
    "status batch",
    "statusstream+jwt",
    ("iss", "epoch", "after", "seq", "as_of"),
    audience=False,
    expires=False,
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        p.name: p
        for p in (
            GENERIC,
            ACCESS_TOKEN,
            ID_TOKEN,
            LOGOUT_TOKEN,
            DPOP_PROOF,
            CLIENT_ASSERTION,
            SECURITY_EVENT,
            STATUS_LIST,
            STATUS_STREAM,
        )
    }
)
