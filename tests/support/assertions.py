"""Client assertions for tests, good and bad, and the client that they are of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.support.samples import CONFIDENTIAL_CLIENT, ISSUER
from tests.support.tokens import NOW, private_key, seal

from lingpai.jose.keys import PrivateKey
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.records import Client

CLIENT_ID = "signer"
TYP = "client-authentication+jwt"


def jwks(*pairs: PrivateKey) -> str:
    """The public halves as JSON text."""
    return json.dumps({"keys": [pair.public.to_jwk() for pair in pairs]})


def signing_client(**settings: Any) -> Client:
    """A client that registered `private_key_jwt` with the ES256 key of the test run."""
    registered = {"auth_method": "private_key_jwt", "jwks": jwks(private_key("ES256"))}
    return replace(
        CONFIDENTIAL_CLIENT,
        client_id=CLIENT_ID,
        secret_sha256=None,
        settings=ClientSettings(**(registered | settings)),
    )


def assertion(
    header: dict[str, Any] | None = None, /, *, signer: PrivateKey | None = None, **changes: Any
) -> str:
    """A good assertion, with some header members and claims changed; `...` takes one away."""
    pair = signer or private_key("ES256")
    head = {"typ": TYP, "alg": pair.alg, "kid": pair.kid} | (header or {})
    body = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": ISSUER,
        "exp": NOW + 60,
        "iat": NOW,
        "jti": "a-1",
    } | changes
    return seal(
        {name: value for name, value in head.items() if value is not ...},
        {name: value for name, value in body.items() if value is not ...},
        pair.sign_message,
    )
