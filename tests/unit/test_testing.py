"""lingpai.testing: what users build their own tests on must itself hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from tests.support.timing import HandClock

from lingpai import errors, verify
from lingpai.testing import Behaviour, FakeIssuer, LoopbackIssuer
from lingpai.verifier.flows import FetchFailed, Get, Response
from lingpai.verifier.transport import HttpTransport, Transport

MISBEHAVIOURS = [behaviour for behaviour in Behaviour if behaviour is not Behaviour.WELL]


@pytest.fixture(params=[FakeIssuer, LoopbackIssuer])
def make_issuer(request: pytest.FixtureRequest) -> Callable[[], FakeIssuer]:
    made: Callable[[], FakeIssuer] = request.param
    return made


def test_a_token_is_good_as_it_comes() -> None:
    with FakeIssuer() as issuer:
        token = issuer.verifier().verify(issuer.token())
    assert (token.subject, token.client_id) == ("user-1", "test-client")


def test_a_token_holds_what_was_asked_for() -> None:
    with FakeIssuer() as issuer:
        raw = issuer.token(scopes=["a"], permissions=["b"], roles=["c"], sub="ming", extra=1)
        token = issuer.verifier().verify(raw)
    assert (token.scopes, token.permissions, token.roles) == (
        frozenset("a"),
        frozenset("b"),
        frozenset("c"),
    )
    assert (token.subject, token.claims["extra"]) == ("ming", 1)


def test_none_leaves_a_claim_out() -> None:
    with FakeIssuer() as issuer, pytest.raises(errors.MissingClaim, match="jti"):
        issuer.verifier().verify(issuer.token(jti=None))


def test_two_tokens_are_never_the_same() -> None:
    issuer = FakeIssuer(clock=HandClock())
    assert issuer.claims()["jti"] != issuer.claims()["jti"]


def test_the_clock_is_the_tests_own() -> None:
    clock = HandClock()
    with FakeIssuer(clock=clock) as issuer:
        verifier, raw = issuer.verifier(), issuer.token(lifetime_seconds=60)
        verifier.verify(raw)
        clock.turn(60)
        with pytest.raises(errors.TokenExpired):
            verifier.verify(raw)


def test_every_bad_token_has_the_code_that_it_is_named_for() -> None:
    with FakeIssuer() as issuer:
        policy = issuer.verifier().policy
        for name, bad in issuer.bad_tokens().items():
            with pytest.raises(errors.TokenError) as refusal:
                verify(bad.raw, issuer.key.public, policy)
            # one key alone answers for any kid: the stranger's token fails by its signature there
            expected = "signature_invalid" if bad.code == "unknown_key" else bad.code
            assert (name, refusal.value.code) == (name, expected)


@pytest.mark.parametrize("alg", ["RS256", "Ed25519", "ES384"])
def test_bad_tokens_are_bad_with_other_algorithms_too(alg: str) -> None:
    with FakeIssuer(alg=alg) as issuer:
        verifier = issuer.verifier()
        for bad in issuer.bad_tokens().values():
            with pytest.raises(errors.TokenError) as refusal:
                verifier.verify(bad.raw)
            assert refusal.value.code == bad.code


def test_there_is_a_bad_token_for_every_check_that_a_verifier_makes() -> None:
    codes = {bad.code for bad in FakeIssuer().bad_tokens().values()}
    assert codes >= {
        "malformed_token",
        "token_too_large",
        "invalid_header",
        "unsupported_crit",
        "invalid_payload",
        "unexpected_kind",
        "unknown_algorithm",
        "algorithm_mismatch",
        "unknown_key",
        "signature_invalid",
        "missing_claim",
        "invalid_claim",
        "token_expired",
        "token_not_yet_valid",
        "token_issued_in_future",
        "issuer_mismatch",
        "audience_mismatch",
        "typ_mismatch",
        "status_unchecked",
        "missing_proof",
    }


def test_symmetric_algorithms_are_not_for_publishing() -> None:
    with pytest.raises(TypeError):
        FakeIssuer(alg="HS256")


def test_after_a_rotation_old_and_new_tokens_pass(make_issuer: Callable[[], FakeIssuer]) -> None:
    with make_issuer() as issuer:
        old = issuer.token()
        issuer.rotate()
        verifier = issuer.verifier()
        verifier.verify(old)
        verifier.verify(issuer.token())


def test_a_rotation_that_drops_the_old_key_ends_its_tokens() -> None:
    with FakeIssuer() as issuer:
        old = issuer.token()
        issuer.rotate(keep_old=False)
        with pytest.raises(errors.UnknownKey):
            issuer.verifier().verify(old)


def test_closing_the_issuer_closes_its_verifiers(make_issuer: Callable[[], FakeIssuer]) -> None:
    with make_issuer() as issuer:
        verifier = issuer.verifier()
    with pytest.raises(ValueError, match="closed"):
        verifier.verify("x")
    assert not [t for t in threading.enumerate() if t.name.startswith("lingpai")]


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_over_memory_and_over_a_socket_it_misbehaves_alike(
    make_issuer: Callable[[], FakeIssuer], behaviour: Behaviour
) -> None:
    with make_issuer() as issuer:
        issuer.behaviour = behaviour
        with pytest.raises(errors.KeysUnavailable):
            issuer.verifier(wait_seconds=0.1).verify(issuer.token())


def test_requests_are_remembered(make_issuer: Callable[[], FakeIssuer]) -> None:
    with make_issuer() as issuer:
        assert issuer.verifier().ready(5)
        assert issuer.requests == [
            f"{issuer.issuer}/.well-known/oauth-authorization-server",
            issuer.jwks_uri,
        ]


def transport_to(issuer: FakeIssuer) -> Transport:
    return HttpTransport() if isinstance(issuer, LoopbackIssuer) else issuer.transport()


def test_an_etag_is_honoured(make_issuer: Callable[[], FakeIssuer]) -> None:
    with make_issuer() as issuer:
        transport = transport_to(issuer)
        first = transport.get(Get(issuer.jwks_uri))
        again = transport.get(Get(issuer.jwks_uri, etag=first.headers["etag"]))
        assert (first.status, again.status) == (200, 304)


def test_an_unknown_path_is_not_found(make_issuer: Callable[[], FakeIssuer]) -> None:
    with make_issuer() as issuer:
        assert transport_to(issuer).get(Get(f"{issuer.issuer}/nothing")).status == 404


def test_a_hang_over_memory_ends_when_the_issuer_recovers() -> None:
    issuer = FakeIssuer()
    issuer.behaviour = Behaviour.HANG
    recovery = threading.Timer(0.05, setattr, (issuer, "behaviour", Behaviour.WELL))
    recovery.start()
    started = time.monotonic()
    with pytest.raises(FetchFailed):
        issuer.transport().get(Get(issuer.jwks_uri))
    recovery.join()
    assert time.monotonic() - started < 5


def test_an_issuer_with_a_path_is_found_at_both_well_known_places() -> None:
    issuer = FakeIssuer("https://id.test/tenant")
    for url in (
        "https://id.test/.well-known/oauth-authorization-server/tenant",
        "https://id.test/tenant/.well-known/openid-configuration",
    ):
        answer: Response = issuer.transport().get(Get(url))
        assert answer.status == 200
