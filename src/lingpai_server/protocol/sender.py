"""Sender-constrained tokens: what a client has to prove, and what its tokens are then bound to.

DPoP (RFC 9449) binds where a proof was sent; a certificate (RFC 8705 section 3) binds where the
client registered for that, since a proxy may ask everybody for one. Pure.
"""

from __future__ import annotations

from lingpai_server.core.records import Client
from lingpai_server.protocol.dpop import refuse_proof
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.profiles import rules_of
from lingpai_server.protocol.requests import NO_SENDER, Sender


def check_sender(client: Client, sender: Sender) -> Refusal | None:
    """Whether the request proves what its client registered, or its profile demands.

    RFC 9449 section 5.2 has a client that registered for DPoP refused without a proof.
    """
    settings = client.settings
    if settings.tls_bound and sender.x5t is None:
        return refuse(
            ErrorCode.INVALID_REQUEST,
            reason="client_certificate_missing",
            description="This client's tokens are bound to its certificate, and none came along.",
        )
    constrained = rules_of(client).sender_constrained and not settings.tls_bound
    if (settings.dpop_bound or constrained) and sender.jkt is None:
        return refuse_proof("dpop_proof_missing", "This client has to send a DPoP proof.")
    return None


def bind_access(client: Client, sender: Sender) -> Sender:
    """What an access token is bound to (`cnf`)."""
    return Sender(jkt=sender.jkt, x5t=sender.x5t if client.settings.tls_bound else None)


def bind_family(client: Client, sender: Sender) -> Sender:
    """What a refresh token is bound to: a confidential client's to the client itself, which proves
    itself each time and may change its keys (RFC 9449 section 5, RFC 8705 section 4)."""
    return bind_access(client, sender) if client.is_public else NO_SENDER
