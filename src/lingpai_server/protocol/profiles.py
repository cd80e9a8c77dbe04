"""Security profiles: where strict security and certification part, one record of rules each.

Everything else is the same for every client. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lingpai_server.core.client_settings import SecurityProfile
from lingpai_server.core.records import Client
from lingpai_server.protocol.requests import ClientAuthMethod


@dataclass(frozen=True, slots=True)
class Rules:
    """What one profile asks of a client.

    `proof_algorithms` are those of assertions, request objects and DPoP proofs, None for all that
    the server knows; `lenient_assertion_audience` lets `aud` be the endpoint that is asked (before
    RFC 10070); without `refresh_rotates` the same refresh token stays good;
    `refresh_needs_offline_access` follows OpenID Connect Core section 11 to the letter.
    """

    pkce_required: bool = True
    par_required: bool = False
    sender_constrained: bool = False
    auth_methods: frozenset[ClientAuthMethod] = frozenset(ClientAuthMethod)
    lenient_assertion_audience: bool = False
    proof_algorithms: frozenset[str] | None = None
    code_ttl_seconds: int = 60
    refresh_rotates: bool = True
    refresh_needs_offline_access: bool = False
    login_endpoint_allowed: bool = True


_FAPI2_METHODS = frozenset(
    {
        ClientAuthMethod.PRIVATE_KEY_JWT,
        ClientAuthMethod.TLS_CLIENT_AUTH,
        ClientAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH,
    }
)
RULES: Mapping[SecurityProfile, Rules] = MappingProxyType(
    {
        SecurityProfile.OAUTH21: Rules(),
        SecurityProfile.OIDC: Rules(
            pkce_required=False,
            lenient_assertion_audience=True,
            refresh_needs_offline_access=True,
        ),
        SecurityProfile.FAPI2: Rules(  # FAPI 2.0 Security Profile section 5.3
            par_required=True,
            sender_constrained=True,
            auth_methods=_FAPI2_METHODS,
            proof_algorithms=frozenset({"PS256", "ES256", "Ed25519"}),
            refresh_rotates=False,
            login_endpoint_allowed=False,
        ),
    }
)


def rules_of(client: Client) -> Rules:
    """The rules that a client lives by."""
    return RULES[client.settings.profile]
