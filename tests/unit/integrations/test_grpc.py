"""gRPC: who is let in, what the others hear, and how a stream ends when its token does."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from tests.support.grpc_notes import SECONDS, SERVERS, SERVICE, Caller, Notes, bearer, calling

from lingpai.integrations.grpc import PUBLIC, Asked, BearerInterceptor, current_token
from lingpai.integrations.grpc_calls import Methods
from lingpai.testing import Behaviour, FakeIssuer

REALM = "the API"
METHODS: Methods = {
    f"/{SERVICE}/One": Asked.of(scopes=["notes:read"]),
    f"/{SERVICE}/Many": Asked.of(),
    f"/{SERVICE}/Fail": Asked.of(),
    f"/{SERVICE}/Collect": Asked.of(),
    f"/{SERVICE}/Chat": Asked.of(),
    f"/{SERVICE}/Open": PUBLIC,
    f"/{SERVICE}/OpenMany": PUBLIC,
}


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer(with_statuses=True) as issuer:
        yield issuer


@pytest.fixture(params=["threads", "event loop"])
def serve(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return SERVERS[request.param]


@pytest.fixture
def served(issuer: FakeIssuer, serve: Callable[..., Any]) -> Iterator[tuple[int, Notes]]:
    with serve(issuer.verifier(), METHODS, realm=REALM) as served:
        yield served


@pytest.fixture
def notes(served: tuple[int, Notes]) -> Notes:
    return served[1]


@pytest.fixture
def caller(served: tuple[int, Notes]) -> Iterator[Caller]:
    with calling(served[0]) as caller:
        yield caller


def refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str, str]:
    """Code, details and challenge of a call that has to fail; nothing else may be said."""
    with pytest.raises(grpc.RpcError) as failed:
        call()
    error: Any = failed.value
    trailing = dict(error.trailing_metadata() or ())
    challenge = trailing.pop("www-authenticate", "")
    assert not trailing
    return error.code(), error.details(), challenge


def challenge(**parameters: str) -> str:
    return ", ".join(
        [f'Bearer realm="{REALM}"', *(f'{name}="{value}"' for name, value in parameters.items())]
    )


def invalid(code: str) -> tuple[grpc.StatusCode, str, str]:
    said = challenge(error="invalid_token", error_description=code)
    return grpc.StatusCode.UNAUTHENTICATED, code, said


def waiting_notes(*notes: bytes) -> Iterator[bytes]:
    """These, and then nothing for as long as a test may last."""
    yield from notes
    threading.Event().wait(SECONDS)


# --- let in -------------------------------------------------------------------------------------


def test_a_token_with_the_scope_is_let_in_and_is_the_current_one(
    caller: Caller, issuer: FakeIssuer
) -> None:
    raw = issuer.token(sub="ming", scopes=["notes:read"])
    assert caller.one("One", *bearer(raw)) == b"ming"


def test_streams_of_all_kinds_know_their_caller(caller: Caller, issuer: FakeIssuer) -> None:
    allowed = bearer(issuer.token(sub="ming"))
    assert list(caller.many("Many", b"3", *allowed)) == [b"ming"] * 3
    assert caller.collect(iter([b"a", b"b"]), *allowed).result() == b"a,b,ming"
    assert list(caller.chat(iter([b"a", b"b"]), *allowed)) == [b"a ming", b"b ming"]


def test_a_public_method_looks_at_no_token(caller: Caller) -> None:
    assert caller.one("Open", ("authorization", "Bearer nonsense")) == b"nobody"
    assert list(caller.many("OpenMany", b"")) == [b"nobody", b"nobody"]


def test_one_caller_is_not_taken_for_another(caller: Caller, issuer: FakeIssuer) -> None:
    for name in ("ming", "mei", "li"):
        raw = issuer.token(sub=name, scopes=["notes:read"])
        assert caller.one("One", *bearer(raw)) == name.encode()
        assert caller.one("Open") == b"nobody"


def test_outside_of_a_guarded_call_there_is_no_current_token() -> None:
    with pytest.raises(LookupError):
        current_token()


# --- refused ------------------------------------------------------------------------------------


def test_a_method_that_is_not_listed_is_refused_whatever_the_token(
    caller: Caller, issuer: FakeIssuer
) -> None:
    allowed = bearer(issuer.token(scopes=["notes:read"]))
    denied = (grpc.StatusCode.PERMISSION_DENIED, "method_not_listed", "")
    assert refusal(lambda: caller.one("Hidden", *allowed)) == denied
    assert refusal(lambda: caller.one("Hidden")) == denied


def test_a_method_that_does_not_exist_is_unimplemented(caller: Caller) -> None:
    assert refusal(lambda: caller.one("Missing"))[0] is grpc.StatusCode.UNIMPLEMENTED


def test_no_token_gets_a_challenge_without_an_error(caller: Caller) -> None:  # RFC 6750 3.1
    expected = (grpc.StatusCode.UNAUTHENTICATED, "token_missing", challenge())
    assert refusal(lambda: caller.one("One")) == expected
    assert refusal(lambda: list(caller.many("Many", b"3"))) == expected
    assert refusal(lambda: caller.collect(iter([b"a"])).result()) == expected
    assert refusal(lambda: list(caller.chat(iter([b"a"])))) == expected


def test_two_tokens_are_malformed_even_if_both_are_good(caller: Caller, issuer: FakeIssuer) -> None:
    allowed = bearer(issuer.token(scopes=["notes:read"]))
    said = challenge(error="invalid_request", error_description="malformed_header")
    expected = (grpc.StatusCode.UNAUTHENTICATED, "malformed_header", said)
    assert refusal(lambda: caller.one("One", *allowed, *allowed)) == expected


@pytest.mark.parametrize("name", ["expired", "other_audience", "key_of_a_stranger"])
def test_a_bad_token_is_refused_with_its_stable_code(
    caller: Caller, issuer: FakeIssuer, name: str
) -> None:
    bad = issuer.bad_tokens()[name]
    assert refusal(lambda: caller.one("One", *bearer(bad.raw))) == invalid(bad.code)


def test_a_missing_scope_is_denied_and_named(caller: Caller, issuer: FakeIssuer) -> None:
    said = challenge(
        error="insufficient_scope", error_description="insufficient_scope", scope="notes:read"
    )
    expected = (grpc.StatusCode.PERMISSION_DENIED, "insufficient_scope", said)
    assert refusal(lambda: caller.one("One", *bearer(issuer.token()))) == expected


def test_without_keys_the_service_is_unavailable(
    issuer: FakeIssuer, serve: Callable[..., Any]
) -> None:
    issuer.behaviour = Behaviour.UNREACHABLE
    with serve(issuer.verifier(wait_seconds=0.05), METHODS) as (port, _), calling(port) as caller:
        answer = refusal(lambda: caller.one("One", *bearer(issuer.token())))
    assert answer == (grpc.StatusCode.UNAVAILABLE, "keys_unavailable", "")


def test_a_weak_login_is_told_which_would_do(  # RFC 9470 section 3
    issuer: FakeIssuer, serve: Callable[..., Any]
) -> None:
    methods = {f"/{SERVICE}/*": Asked.of(acr_values=["mfa", "hwk"], max_auth_age_seconds=60)}
    with serve(issuer.verifier(), methods, realm=REALM) as (port, _), calling(port) as caller:
        strong = bearer(issuer.token(acr="hwk", auth_time=int(time.time())))
        assert caller.one("One", *strong) == b"user-1"
        for claims in ({}, {"acr": "hwk"}, {"acr": "hwk", "auth_time": int(time.time()) - 600}):
            code, reason, said = refusal(lambda: caller.one("One", *bearer(issuer.token(**claims))))  # noqa: B023 - called at once
            assert (code, reason) == (
                grpc.StatusCode.UNAUTHENTICATED,
                "insufficient_user_authentication",
            )
            assert said.endswith('acr_values="mfa hwk", max_age="60"')


# --- the end of a stream ------------------------------------------------------------------------


def test_a_silent_stream_of_answers_ends_with_its_token(
    caller: Caller, issuer: FakeIssuer, notes: Notes
) -> None:
    raw = issuer.token(sub="ming")
    answers = caller.many("Many", b"2", *bearer(raw))
    assert [next(answers), next(answers)] == [b"ming", b"ming"]
    issuer.revoke(raw)
    assert refusal(lambda: next(answers)) == invalid("token_revoked")
    assert notes.endings.get(timeout=SECONDS) == "many"  # the handler is not left behind


def test_a_stream_of_requests_ends_with_its_token(
    caller: Caller, issuer: FakeIssuer, notes: Notes
) -> None:
    raw = issuer.token()
    result = caller.collect(waiting_notes(b"a"), *bearer(raw))
    issuer.make_stale(raw)
    assert refusal(result.result) == invalid("token_stale")


def test_a_conversation_ends_with_its_token(
    caller: Caller, issuer: FakeIssuer, notes: Notes
) -> None:
    raw = issuer.token(sub="ming")
    answers = caller.chat(waiting_notes(b"a"), *bearer(raw))
    assert next(answers) == b"a ming"
    issuer.revoke(raw)
    assert refusal(lambda: next(answers)) == invalid("token_revoked")
    assert notes.endings.get(timeout=SECONDS) == "chat"


def test_a_stream_ends_when_its_token_expires(caller: Caller, issuer: FakeIssuer) -> None:
    answers = caller.many("Many", b"1", *bearer(issuer.token(lifetime_seconds=2)))
    assert next(answers) == b"user-1"
    assert refusal(lambda: next(answers)) == invalid("token_expired")


def test_the_stream_of_another_token_goes_on(caller: Caller, issuer: FakeIssuer) -> None:
    heard: queue.Queue[bytes] = queue.Queue()
    raw = issuer.token(sub="mei")
    notes = iter(heard.get, b"")
    other = caller.chat(notes, *bearer(issuer.token(sub="ming")))
    ended = caller.many("Many", b"0", *bearer(raw))
    issuer.revoke(raw)
    assert refusal(lambda: next(ended)) == invalid("token_revoked")
    heard.put(b"still")
    assert next(other) == b"still ming"
    heard.put(b"")
    assert list(other) == []


def test_a_caller_who_goes_leaves_nothing_behind(
    issuer: FakeIssuer, serve: Callable[..., Any]
) -> None:
    verifier = issuer.verifier()
    with serve(verifier, METHODS) as (port, notes), calling(port) as caller:
        answers = caller.many("Many", b"1", *bearer(issuer.token()))
        next(answers)
        answers.cancel()
        assert notes.endings.get(timeout=SECONDS) == "many"
    assert verifier.stats().watches == 0


def test_a_handler_may_fail_for_a_reason_of_its_own(caller: Caller, issuer: FakeIssuer) -> None:
    answers = caller.many("Fail", b"", *bearer(issuer.token()))
    assert next(answers) == b"one"
    assert refusal(lambda: next(answers)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "for a reason of its own",
        "",
    )


def test_plain_functions_are_guarded_in_an_event_loop_too(issuer: FakeIssuer) -> None:
    serve = SERVERS["functions in an event loop"]
    with serve(issuer.verifier(), METHODS, realm=REALM) as (port, _), calling(port) as caller:
        raw = issuer.token(sub="ming", scopes=["notes:read"])
        assert caller.one("One", *bearer(raw)) == b"ming"
        assert caller.one("Open") == b"nobody"
        assert list(caller.many("OpenMany", b"")) == [b"nobody", b"nobody"]
        assert refusal(lambda: caller.one("One"))[1] == "token_missing"


def test_a_plain_function_with_a_stream_is_not_served_in_an_event_loop(issuer: FakeIssuer) -> None:
    serve = SERVERS["functions in an event loop"]  # the server runs ahead of what it has sent
    with serve(issuer.verifier(), METHODS) as (port, _), calling(port) as caller:
        answers = caller.many("Many", b"3", *bearer(issuer.token()))
        with pytest.raises(grpc.RpcError) as failed:
            list(answers)
    error: Any = failed.value
    assert error.code() is grpc.StatusCode.UNKNOWN


# --- the table ----------------------------------------------------------------------------------


def test_the_entry_of_a_method_comes_before_that_of_its_service(
    issuer: FakeIssuer, serve: Callable[..., Any]
) -> None:
    methods: Methods = {f"/{SERVICE}/*": PUBLIC, f"/{SERVICE}/One": Asked.of()}
    with serve(issuer.verifier(), methods) as (port, _), calling(port) as caller:
        assert caller.one("Hidden") == b"a secret"
        assert refusal(lambda: caller.one("One"))[1] == "token_missing"


@pytest.mark.parametrize("name", ["notes.Notes/One", "/One", "/notes.Notes/", "/*/One", "*", "/*"])
def test_a_name_that_is_no_method_is_refused(issuer: FakeIssuer, name: str) -> None:
    with pytest.raises(ValueError, match="is not /package"):
        BearerInterceptor(issuer.verifier(lazy=True), {name: PUBLIC})


def test_a_method_is_not_opened_by_none(issuer: FakeIssuer) -> None:
    methods: Any = {f"/{SERVICE}/One": None}
    with pytest.raises(TypeError, match="neither Asked nor PUBLIC"):
        BearerInterceptor(issuer.verifier(lazy=True), methods)
