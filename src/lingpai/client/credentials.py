"""How a client proves itself at the token endpoint. Opens no connection and reads no clock."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.issue import sign

__all__ = ["ClientCredential"]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 section 2.2
ASSERTION_TYP = "client-authentication+jwt"  # RFC 10070
ASSERTION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ClientCredential:
    """A client with its secret (RFC 6749 section 2.3.1), with its key (RFC 7523), or with neither,
    which makes it public. Raises ValueError for both."""

    client_id: str
    secret: str | None = field(default=None, repr=False)
    key: PrivateKey | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.secret is not None and self.key is not None:
            raise ValueError("a client proves itself in one way: by secret or by key")

    def parameters(self, issuer: str, now: float) -> dict[str, str]:
        """What goes into the form. The assertion's only audience is the issuer (RFC 10070)."""
        if self.secret is not None:
            return {}
        if self.key is None:
            return {"client_id": self.client_id}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": issuer,
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
            "jti": base64url.encode(random_bytes(16)),
        }
        assertion = sign(claims, self.key, typ=ASSERTION_TYP)
        return {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }

    def headers(self) -> dict[str, str]:
        """What goes into the header: Basic, with id and secret form-encoded first."""
        if self.secret is None:
            return {}
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}
