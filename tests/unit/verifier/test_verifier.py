"""Verifier: the right tokens, remembered or not; per-call options; who shares what with whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.timing import HandClock, eventually

from lingpai import ANY_ISSUER, NO_TYP, Key, Policy, PrivateKey, SecretKey, errors, sign
from lingpai.jwt.profiles import GENERIC
from lingpai.jwt.token import VerifiedToken
from lingpai.testing import FakeIssuer
from lingpai.verifier import Verifier

BAD = FakeIssuer().bad_tokens()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def issuer(clock: HandClock) -> Iterator[FakeIssuer]:
    with FakeIssuer(clock=clock) as issuer:
        yield issuer


@pytest.fixture
def verifier(issuer: FakeIssuer) -> Verifier:
    verifier = issuer.verifier()
    assert verifier.ready(5)
    return verifier


def hits(verifier: Verifier) -> int:
    return verifier.stats().cache_hits


# --- good and bad -------------------------------------------------------------------------------


def test_a_good_token_says_what_it_holds(issuer: FakeIssuer, verifier: Verifier) -> None:
    raw = issuer.token(scopes=["a", "b"], permissions=["p"], roles=["r"], sub="ming", sid="s")
    token = verifier.verify(raw)
    assert (token.subject, token.client_id, token.session_id) == ("ming", "test-client", "s")
    assert token.scopes == frozenset({"a", "b"})
    assert (token.permissions, token.roles) == (frozenset({"p"}), frozenset({"r"}))
    assert token.audience == (issuer.audience,)


@pytest.mark.parametrize("name", BAD)
def test_every_bad_token_is_refused_each_time(
    issuer: FakeIssuer, verifier: Verifier, name: str
) -> None:
    bad = issuer.bad_tokens()[name]
    verifier.verify(issuer.token())  # from here on the header of good tokens is known
    for _ in range(3):
        with pytest.raises(errors.TokenError) as refusal:
            verifier.verify(bad.raw)
        assert refusal.value.code == bad.code
    assert hits(verifier) == 0


def test_a_refusal_holds_no_token(issuer: FakeIssuer, verifier: Verifier) -> None:
    for bad in issuer.bad_tokens().values():
        with pytest.raises(errors.TokenError) as refusal:
            verifier.verify(bad.raw)
        signature = bad.raw.rpartition(".")[2]
        assert len(signature) < 20 or signature not in str(refusal.value)


def test_bytes_are_as_good_as_text(issuer: FakeIssuer, verifier: Verifier) -> None:
    raw = issuer.token()
    assert verifier.verify(raw.encode()) is verifier.verify(raw)


def test_bytes_outside_ascii_are_a_bad_token(verifier: Verifier) -> None:
    with pytest.raises(errors.MalformedToken):
        verifier.verify(b"\xff.\xff.\xff")


@pytest.mark.parametrize("wrong", [None, 1, ["a"], object()])
def test_what_is_no_text_is_a_mistake_of_the_caller(verifier: Verifier, wrong: Any) -> None:
    with pytest.raises(TypeError):
        verifier.verify(wrong)


@pytest.mark.parametrize(
    "broken",
    [
        {"kty": "EC", "kid": "no-point", "alg": "ES256"},
        {"kty": "OKP", "crv": "unheard-of", "x": "AAAA", "kid": "new-curve"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256", "kid": "tiny"},
        {"kid": "of no type"},
    ],
)
def test_a_broken_key_among_the_published_ones_harms_no_other(broken: dict[str, str]) -> None:
    with FakeIssuer() as issuer:
        issuer.extra_jwks = [broken]
        assert issuer.verifier().verify(issuer.token()).subject == "user-1"


# --- remembered tokens --------------------------------------------------------------------------


def test_the_second_time_a_token_is_recalled(issuer: FakeIssuer, verifier: Verifier) -> None:
    raw = issuer.token()
    assert verifier.verify(raw) is verifier.verify("".join([raw]))
    assert hits(verifier) == 1


def test_a_recalled_token_expires_on_the_second(
    issuer: FakeIssuer, verifier: Verifier, clock: HandClock
) -> None:  # RFC 7519 section 4.1.4
    raw = issuer.token(lifetime_seconds=60)
    verifier.verify(raw)
    clock.turn(59.9)
    verifier.verify(raw)
    clock.turn(0.1)
    with pytest.raises(errors.TokenExpired):
        verifier.verify(raw)


def test_an_expired_token_is_forgotten(
    issuer: FakeIssuer, verifier: Verifier, clock: HandClock
) -> None:
    raw = issuer.token(lifetime_seconds=60)
    verifier.verify(raw)
    clock.turn(60)
    with pytest.raises(errors.TokenExpired):
        verifier.verify(raw)
    assert verifier.stats().cached_tokens == 0


def test_a_recalled_token_is_not_valid_before_its_time(
    issuer: FakeIssuer, verifier: Verifier, clock: HandClock
) -> None:  # RFC 7519 section 4.1.5: a clock that was set back
    raw = issuer.token(nbf=clock.now)
    verifier.verify(raw)
    clock.turn(-1)
    with pytest.raises(errors.TokenNotYetValid):
        verifier.verify(raw)


def test_leeway_holds_for_recalled_tokens(issuer: FakeIssuer, clock: HandClock) -> None:
    verifier = issuer.verifier(leeway_seconds=10)
    raw = issuer.token(lifetime_seconds=60)
    verifier.verify(raw)
    clock.turn(69)
    verifier.verify(raw)
    clock.turn(1)
    with pytest.raises(errors.TokenExpired):
        verifier.verify(raw)


def test_the_policys_greatest_age_holds_for_recalled_tokens(
    issuer: FakeIssuer, clock: HandClock
) -> None:
    policy = Policy(
        issuer=issuer.issuer, audience=issuer.audience, typ="at+jwt", max_age_seconds=30
    )
    verifier = issuer.verifier(policy=policy)
    raw = issuer.token()
    verifier.verify(raw)
    clock.turn(30)
    verifier.verify(raw)
    clock.turn(0.5)
    with pytest.raises(errors.TokenTooOld):
        verifier.verify(raw)


def test_when_the_keys_change_nothing_is_recalled(issuer: FakeIssuer, verifier: Verifier) -> None:
    old = issuer.token()
    verifier.verify(old)
    issuer.rotate(keep_old=False)
    verifier.verify(issuer.token())  # its unknown kid brings the new keys
    with pytest.raises(errors.UnknownKey):
        verifier.verify(old)


def test_two_policies_share_nothing(issuer: FakeIssuer) -> None:
    one, other = issuer.verifier(), issuer.verifier(audience="https://other.test")
    raw = issuer.token()
    one.verify(raw)
    with pytest.raises(errors.AudienceMismatch):
        other.verify(raw)


def test_the_cache_can_be_turned_off(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier(max_cached_bytes=0)
    raw = issuer.token()
    assert verifier.verify(raw) is not verifier.verify(raw)


def test_many_tokens_stay_within_the_bound(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier(max_cached_bytes=100_000)
    for _ in range(200):
        verifier.verify(issuer.token())
    assert 0 < verifier.stats().cached_bytes <= 100_000


# --- what a call asks ---------------------------------------------------------------------------


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"scopes": ["admin"]}, errors.InsufficientScope),
        ({"permissions": ["admin"]}, errors.InsufficientPermission),
        ({"roles": ["admin"]}, errors.InsufficientPermission),
        ({"scopes": ["read", "admin"]}, errors.InsufficientScope),
        ({"max_age_seconds": 5}, errors.TokenTooOld),
        ({"jkt": "a-thumbprint"}, errors.InvalidProof),
        ({"x5t_s256": "a-thumbprint"}, errors.InvalidProof),
    ],
)
def test_what_a_call_asks_is_asked_of_recalled_tokens_too(
    issuer: FakeIssuer,
    verifier: Verifier,
    clock: HandClock,
    warm: bool,
    asked: dict[str, Any],
    refusal: type[errors.TokenError],
) -> None:
    raw = issuer.token(scopes=["read"], permissions=["p"], roles=["r"])
    clock.turn(6)
    if warm:
        verifier.verify(raw, scopes=["read"], permissions=["p"], roles=["r"], max_age_seconds=60)
    with pytest.raises(refusal):
        verifier.verify(raw, **asked)
    with pytest.raises(refusal):
        asyncio.run(verifier.verify_async(raw, **asked))
    verifier.verify(raw)


def test_a_bound_token_needs_its_proof_each_time(issuer: FakeIssuer, verifier: Verifier) -> None:
    raw = issuer.token(cnf={"jkt": "a-thumbprint"})  # RFC 9449 section 6.1
    for _ in range(2):
        verifier.verify(raw, jkt="a-thumbprint")
        with pytest.raises(errors.MissingProof):
            verifier.verify(raw)
        with pytest.raises(errors.InvalidProof):
            verifier.verify(raw, jkt="another")


@pytest.mark.parametrize("kind", ["scopes", "permissions", "roles"])
def test_a_bare_string_is_a_mistake_of_the_caller(
    issuer: FakeIssuer, verifier: Verifier, kind: str
) -> None:
    with pytest.raises(TypeError):
        verifier.verify(issuer.token(), **{kind: "read"})  # type: ignore[arg-type]  # the mistake


# --- issuers and keys ---------------------------------------------------------------------------


def test_keys_are_bound_to_their_issuer() -> None:  # CVE-2026-49998: two issuers, one kid
    with FakeIssuer("https://one.test") as one, FakeIssuer("https://two.test") as two:
        impostor = Key.generate("ES256", kid=one.key.kid)
        assert isinstance(impostor, PrivateKey)
        two.key = impostor
        raw = two.token(iss="https://one.test")
        with pytest.raises(errors.SignatureInvalid):
            one.verifier().verify(raw)
        with pytest.raises(errors.IssuerMismatch):
            two.verifier().verify(raw)


def test_given_keys_need_no_issuer_to_answer(clock: HandClock) -> None:
    secret = Key.generate("HS256")
    assert isinstance(secret, SecretKey)
    claims = FakeIssuer(clock=clock).claims()
    with Verifier(issuer=claims["iss"], audience=claims["aud"], keys=secret, clock=clock) as one:
        raw = sign(claims, secret, typ="at+jwt")
        assert one.verify(raw) is one.verify(raw)
        assert one.stats().fetches.requests == 0
        assert one.ready(0)


def test_given_keys_are_not_asked_for_again(clock: HandClock) -> None:
    issuer = FakeIssuer(clock=clock)
    verifier = issuer.verifier(keys=issuer.key.public, transport=None)
    verifier.verify(issuer.token())
    issuer.rotate()
    with pytest.raises(errors.SignatureInvalid):
        verifier.verify(issuer.token())
    issuer.close()


def test_any_algorithm_of_the_published_keys_will_do(clock: HandClock) -> None:
    for alg in ("RS256", "Ed25519"):
        with FakeIssuer(alg=alg, clock=clock) as issuer:
            assert issuer.verifier().verify(issuer.token()).header.alg == alg


# --- construction -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"issuer": "https://id.example"},
        {"audience": "https://api.example"},
        {
            "issuer": "https://id.example",
            "policy": Policy(issuer="https://id.example", audience="a", typ="at+jwt"),
        },
        {"policy": Policy(issuer=ANY_ISSUER, audience="a", typ="at+jwt")},
    ],
)
def test_a_verifier_without_a_whole_policy_cannot_be_made(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Verifier(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"issuer": "http://id.example", "audience": "a"},
        {"issuer": "https://id.example", "audience": ""},
        {"issuer": "https://id.example", "audience": "a", "typ": ""},
        {"issuer": "https://id.example", "audience": "a", "leeway_seconds": -1},
        {"issuer": "https://id.example", "audience": "a", "max_cached_bytes": -1},
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Verifier(**arguments)


def test_an_access_token_has_what_rfc_9068_asks_unless_another_typ_is_named(
    issuer: FakeIssuer,
) -> None:
    bare = sign(issuer.claims(client_id=None, jti=None), issuer.key, typ="JWT")
    assert issuer.verifier(typ=NO_TYP).policy.profile is GENERIC
    assert issuer.verifier(typ=NO_TYP).verify(bare).subject == "user-1"


def test_the_face_offers_the_verifier() -> None:
    import lingpai

    assert lingpai.Verifier is Verifier


# --- life ---------------------------------------------------------------------------------------


def test_a_lazy_verifier_asks_for_nothing_until_a_token_comes(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier(lazy=True)
    assert not issuer.requests
    verifier.verify(issuer.token())
    assert issuer.requests


def test_an_eager_verifier_has_its_keys_before_a_token_comes(issuer: FakeIssuer) -> None:
    issuer.verifier()
    eventually(lambda: issuer.jwks_uri in issuer.requests)


def test_a_closed_verifier_verifies_nothing_remembered_or_not(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    raw = issuer.token()
    verifier.verify(raw)
    verifier.close()
    with pytest.raises(ValueError, match="closed"):
        verifier.verify(raw)
    with pytest.raises(ValueError, match="closed"):
        verifier.ready()


def test_in_the_steady_state_no_request_goes_to_the_issuer(
    issuer: FakeIssuer, verifier: Verifier
) -> None:
    before = len(issuer.requests)
    for _ in range(50):
        verifier.verify(issuer.token())
    assert len(issuer.requests) == before


def test_stats_tell_what_was_done(issuer: FakeIssuer, verifier: Verifier) -> None:
    raw = issuer.token()
    for _ in range(3):
        verifier.verify(raw)
    with pytest.raises(errors.InsufficientScope):
        verifier.verify(raw, scopes=["x"])
    with pytest.raises(errors.MalformedToken):
        verifier.verify("x")
    stats = verifier.stats()
    assert (stats.verified, stats.cache_hits, stats.cached_tokens) == (4, 3, 1)
    assert stats.refused == {"insufficient_scope": 1, "malformed_token": 1}
    assert (stats.fetches.succeeded, stats.last_fetch_failure) == (1, None)


def test_stats_do_not_change_afterwards(issuer: FakeIssuer, verifier: Verifier) -> None:
    before = verifier.stats()
    with pytest.raises(errors.MalformedToken):
        verifier.verify("x")
    assert before.refused == {}


def test_async_gives_the_same_token(issuer: FakeIssuer, verifier: Verifier) -> None:
    raw = issuer.token()

    async def twice() -> tuple[VerifiedToken, VerifiedToken]:
        return await verifier.verify_async(raw), await verifier.verify_async(raw)

    first, second = asyncio.run(twice())
    assert first is second is verifier.verify(raw)
