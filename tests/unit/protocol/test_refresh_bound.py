"""refresh_token grant: what is bound to whom, who does not rotate, and who hears who the user is.

RFC 9449 section 5, RFC 8705 section 4, FAPI 2.0 section 5.3.2.1, OpenID Connect Core section 12.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import (
    CONFIDENTIAL,
    CONFIDENTIAL_CLIENT,
    FAMILY,
    FAMILY_FACTS,
    FRESH,
    KEYS,
    NOW,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    presented,
)

from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import RotateFamily, SlideFamily
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import USERINFO_AUDIENCE, Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import (
    NO_SENDER,
    ClientAuthMethod,
    ClientProof,
    PresentedClient,
    RefreshRequest,
    Sender,
)
from lingpai_server.protocol.token.refresh import decide_refresh
from lingpai_server.sessions.refresh_token import derive_refresh_token

CURRENT = FAMILY.generation


def _decide(
    client: Client,
    caller: PresentedClient,
    *,
    sender: Sender = NO_SENDER,
    generation: int = CURRENT,
    **family: Any,
) -> Decision[TokenReply | Refusal]:
    owned = replace(FAMILY, client_id=client.client_id, **family)
    facts: FamilyFacts = replace(FAMILY_FACTS, family=owned, client=client)
    cmd = RefreshRequest(caller, Secret("as presented"), sender=sender)
    return decide_refresh(
        cmd,
        RefreshTokenFacts(client, presented(generation), facts),
        POLICY,
        refresh_keys=KEYS,
        now=NOW,
        fresh=FRESH,
    )


def _as_app(client: Client = PUBLIC_CLIENT, **options: Any) -> Decision[TokenReply | Refusal]:
    return _decide(client, PUBLIC, **options)


def _as_backend(
    client: Client = CONFIDENTIAL_CLIENT, **options: Any
) -> Decision[TokenReply | Refusal]:
    return _decide(client, CONFIDENTIAL, **options)


def _answered(decision: Decision[TokenReply | Refusal]) -> TokenReply:
    assert isinstance(decision.reply, TokenReply), decision.reply
    return decision.reply


def _refused(decision: Decision[TokenReply | Refusal]) -> tuple[ErrorCode, str]:
    assert isinstance(decision.reply, Refusal), decision.reply
    return decision.reply.code, decision.reply.reason


def _with(client: Client, **settings: Any) -> Client:
    return replace(client, settings=ClientSettings(**settings))


# bound families


@pytest.mark.parametrize("sender", [Sender(), Sender(jkt="other"), Sender(x5t="j")])
def test_a_family_of_a_key_needs_that_key(sender: Sender) -> None:  # RFC 9449 section 5
    expected = (ErrorCode.INVALID_GRANT, "jkt_mismatch")
    assert _refused(_as_app(jkt="j", sender=sender)) == expected


@pytest.mark.parametrize("sender", [Sender(), Sender(x5t="other"), Sender(jkt="x")])
def test_a_family_of_a_certificate_needs_that_certificate(sender: Sender) -> None:  # RFC 8705 4
    expected = (ErrorCode.INVALID_GRANT, "x5t_mismatch")
    assert _refused(_as_app(x5t="x", sender=sender)) == expected


def test_a_bound_family_with_its_key_gives_tokens_of_that_key() -> None:
    reply = _answered(_as_app(jkt="j", sender=Sender(jkt="j")))
    assert reply.access.claims["cnf"] == {"jkt": "j"}


def test_a_confidential_clients_proof_binds_the_access_token_alone() -> None:  # RFC 9449 section 5
    one = _answered(_as_backend(sender=Sender(jkt="one")))
    assert one.access.claims["cnf"] == {"jkt": "one"}
    other = _answered(_as_backend(sender=Sender(jkt="other")))
    assert other.refresh_token == one.refresh_token


def test_a_lost_answer_to_a_bound_certificate_is_given_again_without_a_limit() -> None:
    decision = _as_app(x5t="x", sender=Sender(x5t="x"), generation=CURRENT - 1, rotated_at=0.0)
    assert _answered(decision).refresh_token is not None


def test_a_client_registered_for_dpop_refreshes_with_a_proof() -> None:  # RFC 9449 section 5.2
    client = _with(CONFIDENTIAL_CLIENT, dpop_bound=True)
    assert _refused(_as_backend(client))[0] is ErrorCode.INVALID_DPOP_PROOF
    _answered(_as_backend(client, sender=Sender(jkt="j")))


def test_a_missing_proof_costs_no_token() -> None:
    client = _with(CONFIDENTIAL_CLIENT, dpop_bound=True)
    assert _as_backend(client).effects == ()


def test_reuse_is_seen_before_a_missing_proof() -> None:  # RFC 9700 section 4.14.2
    client = _with(CONFIDENTIAL_CLIENT, dpop_bound=True)
    decision = _as_backend(client, generation=CURRENT - 2)
    assert _refused(decision)[1] == "refresh_reused"


# the profile that does not rotate


STRICT = _with(
    replace(CONFIDENTIAL_CLIENT, secret_sha256=None),
    profile=SecurityProfile.FAPI2,
    auth_method="private_key_jwt",
)
STRICT_CALLER = PresentedClient(
    STRICT.client_id,
    ClientAuthMethod.PRIVATE_KEY_JWT,
    assertion=Secret("a"),
    proof=ClientProof(STRICT.client_id, STRICT.access_version),
)


def _as_strict(**options: Any) -> Decision[TokenReply | Refusal]:
    return _decide(STRICT, STRICT_CALLER, sender=Sender(jkt="j"), **options)


def test_the_strict_profile_answers_with_the_same_token() -> None:  # FAPI 2.0 section 5.3.2.1
    same = derive_refresh_token(
        KEYS, version=FAMILY.key_version, family_id=FAMILY.family_id, generation=CURRENT
    )
    assert _answered(_as_strict()).refresh_token == same


def test_the_strict_profile_slides_the_deadline_and_rotates_nothing() -> None:
    effects = _as_strict().effects
    assert SlideFamily(FAMILY.family_id, CURRENT, NOW + 1000) in effects
    assert not [effect for effect in effects if isinstance(effect, RotateFamily)]


def test_the_strict_profile_refreshes_with_a_proof() -> None:
    decision = _decide(STRICT, STRICT_CALLER)
    assert _refused(decision)[0] is ErrorCode.INVALID_DPOP_PROOF


# who the user is


OPENID_CLIENT = replace(PUBLIC_CLIENT, scopes=("openid", "email", "orders:read"))


def _openid(**options: Any) -> TokenReply:
    """A family's scopes are not what is asked for: both are given."""
    granted = replace(FAMILY, scopes=("openid", "orders:read"))
    facts = replace(FAMILY_FACTS, family=granted, client=OPENID_CLIENT)
    decision = decide_refresh(
        RefreshRequest(PUBLIC, Secret("as presented"), **options),
        RefreshTokenFacts(OPENID_CLIENT, presented(CURRENT), facts),
        POLICY,
        refresh_keys=KEYS,
        now=NOW,
        fresh=FRESH,
    )
    return _answered(decision)


def test_a_grant_of_openid_is_refreshed_with_an_id_token() -> None:  # Core section 12.2
    reply = _openid()
    assert reply.id_token is not None
    claims = reply.id_token.claims
    assert (claims["sub"], claims["auth_time"]) == ("u-alice", FAMILY_FACTS.session.auth_time)
    assert claims["iat"] == NOW
    assert "nonce" not in claims
    assert reply.scopes == ("openid", "orders:read")


def test_whoever_leaves_openid_out_gets_no_id_token() -> None:
    assert _openid(scopes=("orders:read",)).id_token is None


def test_a_grant_without_openid_has_no_id_token() -> None:
    assert _answered(_as_app(OPENID_CLIENT)).id_token is None


def test_details_stay_those_of_the_grant() -> None:  # RFC 9396 section 6
    details = '[{"type":"payment"}]'
    reply = _answered(_as_app(authorization_details=details))
    assert reply.authorization_details == details
    assert reply.access.claims["authorization_details"] == [{"type": "payment"}]


def test_an_identity_alone_is_refreshed_though_no_client_lists_the_issuer() -> None:
    _answered(_as_app(audience=USERINFO_AUDIENCE))
