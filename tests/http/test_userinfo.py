"""The userinfo endpoint on the wire: OpenID Connect Core section 5.3, RFC 6750, RFC 9449."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.certificates import name_of, self_signed
from tests.support.grants import Grant
from tests.support.house import BACKEND_SECRET, ISSUER, PEER, House, Reply, basic, with_server
from tests.support.stores import ORDERS, an_api

from lingpai.jose import jwe
from lingpai.jose.crypto import random_bytes
from lingpai.jose.keys import Key, PrivateKey, certificate_thumbprint
from lingpai.jwt.dpop import make_proof
from lingpai.jwt.policy import Policy
from lingpai.jwt.profiles import Profile
from lingpai.jwt.verify import verify
from lingpai_server.config.model import DpopSection
from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.client_settings import ClientSettings, Encryption, SubjectType
from lingpai_server.core.effects import EndSession, SetAccountStatus, SetClientDisabled, StoreKey
from lingpai_server.core.records import AccountStatus
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.protocol.requests import Sender

PATH = "/userinfo"
FORM_TYPE = ("content-type", "application/x-www-form-urlencoded")
# a signed answer has no exp: it is read once, when it arrives
SIGNED = Profile("userinfo", "JWT", ("iss", "aud", "sub"), expires=False)
MAKER = SealedKeyMaker(SealingKey(Secret(bytes(32))))


def get(house: House, token: str, scheme: str = "Bearer", *headers: tuple[str, str]) -> Reply:
    return house.ask("GET", PATH, (("authorization", f"{scheme} {token}"), *headers))


def told(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    members: dict[str, Any] = reply.json
    return members


def challenge(reply: Reply) -> str:
    return str(reply.header("www-authenticate"))


def refused(reply: Reply, status: int, error: str) -> None:
    assert (reply.status, reply.error) == (status, error)
    assert f'error="{error}"' in challenge(reply)


def test_scopes_say_what_is_told(house: House) -> None:  # section 5.4
    assert told(get(house, Grant(house).token())) == {
        "sub": "id-of-lan",
        "name": "Lan Wu",
        "preferred_username": "lan",
        "email": "lan@example.org",
        "email_verified": True,
    }


def test_answer_is_kept_nowhere(house: House) -> None:
    assert get(house, Grant(house).token()).header("cache-control") == "no-store"


def test_scope_openid_alone_tells_the_subject_alone(house: House) -> None:
    assert told(get(house, Grant(house).token(scopes=("openid",)))) == {"sub": "id-of-lan"}


def test_claim_asked_for_by_name_is_told(house: House) -> None:  # section 5.5
    grant = Grant(house, ("openid",), claims='{"userinfo": {"phone_number": {"essential": true}}}')
    assert told(get(house, grant.token()))["phone_number"] == "+8613800138000"


def test_claim_beyond_the_clients_scopes_is_not_told(house: House) -> None:
    grant = Grant(house, ("openid",), claims='{"userinfo": {"address": null}}')
    assert "address" not in told(get(house, grant.token()))


def test_token_may_be_posted_in_a_form(house: House) -> None:  # RFC 6750 section 2.2
    assert told(house.post_form(PATH, access_token=Grant(house).token()))["sub"] == "id-of-lan"


@pytest.mark.parametrize("headers", [(), (FORM_TYPE,)])
def test_token_may_be_posted_in_the_header(house: House, headers: Any) -> None:
    sent = (("authorization", f"Bearer {Grant(house).token()}"), *headers)
    assert told(house.ask("POST", PATH, sent))["sub"] == "id-of-lan"


def test_scheme_is_written_in_any_case(house: House) -> None:  # RFC 9110 section 11.1
    assert get(house, Grant(house).token(), "bEARER").status == 200


def test_token_in_the_url_is_refused(house: House) -> None:  # OAuth 2.1, RFC 9700 section 2.6
    token = Grant(house).token()
    refused(house.ask("GET", f"{PATH}?access_token={token}"), 400, "invalid_request")
    both = house.ask("GET", f"{PATH}?access_token={token}", (("authorization", f"Bearer {token}"),))
    refused(both, 400, "invalid_request")


def test_token_sent_in_two_ways_is_refused(house: House) -> None:  # RFC 6750 section 2
    token = Grant(house).token()
    reply = house.post_form(PATH, (("authorization", f"Bearer {token}"),), access_token=token)
    refused(reply, 400, "invalid_request")


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer a b", "DPoP"])
def test_header_without_one_token_is_malformed(house: House, authorization: str) -> None:
    reply = house.ask("GET", PATH, (("authorization", authorization),))
    refused(reply, 400, "invalid_request")


@pytest.mark.parametrize("headers", [(), (("authorization", "Basic YTpi"),)])
def test_without_a_token_the_challenge_names_no_error(house: House, headers: Any) -> None:
    reply = house.ask("GET", PATH, headers)  # RFC 6750 section 3.1
    assert reply.status == 401
    assert "Bearer" in challenge(reply)
    assert "DPoP" in challenge(reply)
    assert "error" not in challenge(reply)


@pytest.mark.parametrize("token", ["x", "a.b.c", "lp_at_a.b.c.d.e", "\xe9"])
def test_text_that_is_no_token_is_refused(house: House, token: str) -> None:
    reply = get(house, token)
    assert reply.status in {400, 401}
    assert reply.header("www-authenticate") is not None


def test_token_without_scope_openid_is_refused(house: House) -> None:  # section 5.3.1
    reply = get(house, Grant(house).token(scopes=("orders:read",)))
    refused(reply, 403, "insufficient_scope")
    assert 'scope="openid"' in challenge(reply)


def test_token_for_an_api_will_do(house: House) -> None:
    assert told(get(house, Grant(house).token(api=an_api(ORDERS))))["sub"] == "id-of-lan"


def test_opaque_token_will_do(house: House) -> None:
    api = an_api(ORDERS, settings=ApiSettings(TokenFormat.OPAQUE))
    assert told(get(house, Grant(house).token(api=api)))["sub"] == "id-of-lan"


def test_token_that_its_api_could_have_made_itself_will_not_do(house: House) -> None:
    grant = Grant(house)
    secret, _ = MAKER.make_api_secret(ORDERS, "HS256", now=0)
    grant.apply(StoreKey(secret))
    refused(get(house, grant.token(api=an_api(ORDERS, algorithm="HS256"))), 401, "invalid_token")


class TestTokenThatIsNoLongerGood:
    """Section 5.3.3: an error of RFC 6750, the same for all."""

    @pytest.fixture
    def grant(self, house: House) -> Grant:
        return Grant(house)

    def check(self, grant: Grant, token: str) -> None:
        refused(get(grant.house, token), 401, "invalid_token")

    def test_because_it_has_expired(self, grant: Grant) -> None:
        token = grant.token()
        grant.house.now += 300
        self.check(grant, token)

    def test_because_its_session_has_ended(self, grant: Grant) -> None:
        token = grant.token()
        grant.apply(EndSession(grant.session.session_id, int(grant.house.now), "logout"))
        self.check(grant, token)

    def test_because_its_session_is_idle(self, grant: Grant) -> None:
        grant.house.now += 900
        token = grant.token()
        grant.house.now += 100
        self.check(grant, token)

    def test_because_the_account_is_locked(self, grant: Grant) -> None:
        token = grant.token()
        grant.apply(SetAccountStatus(grant.user.user_id, AccountStatus.LOCKED))
        self.check(grant, token)

    def test_because_the_client_is_disabled(self, grant: Grant) -> None:
        token = grant.token()
        grant.apply(SetClientDisabled(grant.client_id, disabled=True))
        self.check(grant, token)

    def test_because_it_was_exchanged_for_another_client(self, grant: Grant) -> None:
        other = Grant(grant.house, client_id="other")
        self.check(grant, grant.token(client=other.client))


def test_clients_own_token_is_nobodys_identity(house: House) -> None:
    members = house.post_form(
        "/token", (basic("backend", BACKEND_SECRET),), grant_type="client_credentials"
    ).json
    refused(get(house, members["access_token"]), 401, "invalid_token")


def test_pairwise_client_is_told_its_own_subject(house: House) -> None:  # section 8.1
    settings = ClientSettings(
        subject_type=SubjectType.PAIRWISE, redirect_uris=("https://app.example/cb",)
    )
    subject = told(get(house, Grant(house, settings=settings).token()))["sub"]
    assert subject == house.keys.pairwise_subject("app.example", "id-of-lan")


class TestJwtAnswers:
    """Section 5.3.2."""

    policy = Policy(issuer=ISSUER, audience="web", typ="JWT", profile=SIGNED)

    def test_are_signed_for_a_client_that_wants_it(self, house: House) -> None:
        reply = get(house, Grant(house, settings=ClientSettings(userinfo_alg="ES256")).token())
        assert reply.header("content-type") == "application/jwt"
        token = verify(reply.body, house.keys.ring.published, self.policy, now=house.now)
        assert (token.subject, token.claims["name"]) == ("id-of-lan", "Lan Wu")

    def test_are_encrypted_for_a_client_that_wants_it(self, house: House) -> None:
        own = Key.generate("ECDH-ES")
        reply = get(house, Grant(house, settings=encrypting(own)).token())
        assert reply.header("content-type") == "application/jwt"
        assert json.loads(jwe.decrypt(reply.body, own).plaintext)["sub"] == "id-of-lan"

    def test_are_signed_and_then_encrypted(self, house: House) -> None:
        own = Key.generate("ECDH-ES")
        settings = encrypting(own, userinfo_alg="ES256")
        raw = get(house, Grant(house, settings=settings).token()).body
        keys = house.keys.ring.published
        assert verify(raw, keys, self.policy, now=house.now, decrypt_with=own).subject

    def test_are_never_sent_in_the_open_when_there_is_no_key(self, house: House) -> None:
        settings = ClientSettings(userinfo_encryption=Encryption("ECDH-ES"))
        reply = get(house, Grant(house, settings=settings).token())
        assert (reply.status, reply.error) == (503, "temporarily_unavailable")
        assert b"lan" not in reply.body.lower()


class TestBoundTokens:
    """RFC 9449 section 7, RFC 8705 section 3."""

    def setup_method(self) -> None:
        pair = Key.generate("ES256")
        assert isinstance(pair, PrivateKey)
        self.pair = pair

    def proof(self, house: House, token: str, **changes: Any) -> tuple[str, str]:
        asked: dict[str, Any] = {
            "method": "GET",
            "url": f"{ISSUER}{PATH}",
            "now": int(house.now),
            "jti": random_bytes(16).hex(),
            "access_token": token,
        }
        return "dpop", make_proof(self.pair, **(asked | changes))

    def bound(self, house: House) -> str:
        return Grant(house).token(sender=Sender(jkt=self.pair.thumbprint()))

    def test_come_with_a_proof(self, house: House) -> None:
        token = self.bound(house)
        assert get(house, token, "DPoP", self.proof(house, token)).status == 200

    def test_are_refused_as_bearer_tokens_even_with_a_proof(self, house: House) -> None:
        token = self.bound(house)
        refused(get(house, token, "Bearer", self.proof(house, token)), 401, "invalid_token")
        refused(house.post_form(PATH, access_token=token), 401, "invalid_token")

    def test_are_refused_without_a_proof(self, house: House) -> None:
        reply = get(house, self.bound(house), "DPoP")
        refused(reply, 401, "invalid_dpop_proof")
        assert challenge(reply).startswith("DPoP")
        assert 'algs="' in challenge(reply)

    def test_are_refused_with_the_proof_of_another_key(self, house: House) -> None:
        token = Grant(house).token(sender=Sender(jkt=Key.generate("ES256").thumbprint()))
        refused(get(house, token, "DPoP", self.proof(house, token)), 401, "invalid_token")

    @pytest.mark.parametrize(
        "changes",
        [
            {"method": "POST"},
            {"url": f"{ISSUER}/token"},
            {"access_token": "another"},
            {"access_token": None},
            {"now": 1_700_000_000},
        ],
    )
    def test_are_refused_with_a_proof_of_something_else(
        self, house: House, changes: dict[str, Any]
    ) -> None:
        token = self.bound(house)
        reply = get(house, token, "DPoP", self.proof(house, token, **changes))
        refused(reply, 401, "invalid_dpop_proof")

    def test_are_refused_with_a_proof_that_was_used_before(self, house: House) -> None:
        token = self.bound(house)
        proof = self.proof(house, token)
        assert get(house, token, "DPoP", proof).status == 200
        refused(get(house, token, "DPoP", proof), 401, "invalid_dpop_proof")

    def test_are_refused_with_two_proofs(self, house: House) -> None:
        token = self.bound(house)
        proofs = (self.proof(house, token), self.proof(house, token))
        refused(get(house, token, "DPoP", *proofs), 401, "invalid_dpop_proof")

    def test_nonce_that_is_not_ours_is_answered_with_one_that_is(self, house: House) -> None:
        token = self.bound(house)
        reply = get(house, token, "DPoP", self.proof(house, token, nonce="x"))
        refused(reply, 401, "use_dpop_nonce")
        nonce = reply.header("dpop-nonce")
        assert get(house, token, "DPoP", self.proof(house, token, nonce=nonce)).status == 200

    def test_bearer_token_is_refused_under_the_scheme_of_proofs(self, house: House) -> None:
        token = Grant(house).token()
        refused(get(house, token, "DPoP", self.proof(house, token)), 401, "invalid_token")

    def test_token_bound_to_a_certificate_is_refused_without_it(self, house: House) -> None:
        token = Grant(house).token(sender=Sender(x5t="of-some-certificate"))
        refused(get(house, token), 401, "invalid_token")

    def test_token_bound_to_a_certificate_comes_with_it_from_a_trusted_proxy(
        self, house: House
    ) -> None:
        config = with_server(
            house.config, client_certificate_header="client-cert", trusted_proxies=(PEER,)
        )
        der = self_signed(name_of("CN=app"), ec.generate_private_key(ec.SECP256R1()))
        shown = ("client-cert", f":{base64.b64encode(der).decode()}:")
        token = Grant(house).token(sender=Sender(x5t=certificate_thumbprint(der)))
        refused(get(house, token, "Bearer", shown), 401, "invalid_token")
        house.config = config
        house.app = house.open()
        assert get(house, token, "Bearer", shown).status == 200

    def test_where_nonces_are_asked_for_a_proof_without_one_is_refused(self, house: House) -> None:
        house.config = replace(house.config, dpop=DpopSection(require_nonce=True))
        house.app = house.open()
        token = self.bound(house)
        reply = get(house, token, "DPoP", self.proof(house, token))
        refused(reply, 401, "use_dpop_nonce")
        again = self.proof(house, token, nonce=reply.header("dpop-nonce"))
        answer = get(house, token, "DPoP", again)
        assert answer.status == 200
        assert answer.header("dpop-nonce") is not None  # section 8.2: the next one

    def test_proof_of_a_stranger_marks_nothing_as_used(self, house: House) -> None:
        self.bound(house)
        before = house.version()
        get(house, "x", "DPoP", self.proof(house, "x"))
        assert house.version() == before


def encrypting(own: Key, userinfo_alg: str | None = None) -> ClientSettings:
    assert isinstance(own, PrivateKey)
    jwks = json.dumps({"keys": [own.public.to_jwk()]})
    encryption = Encryption("ECDH-ES", "A256GCM")
    return ClientSettings(jwks=jwks, userinfo_encryption=encryption, userinfo_alg=userinfo_alg)


def test_store_that_is_away_is_503(house: House) -> None:
    token = Grant(house).token()
    asyncio.run(house.store.close())
    assert get(house, token).status == 503
