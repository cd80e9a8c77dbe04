"""RP-Initiated Logout OP: a test a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.rp import LOGOUT_URI, Callback, Flow, Page, Provider

pytestmark = pytest.mark.process


@pytest.fixture
def flow(provider: Provider) -> Iterator[Flow]:
    made = Flow(provider)
    yield made
    made.browser.close()


def log_out(flow: Flow, **parameters: str) -> Callback | Page:
    """Through the confirmation, if one is asked for."""
    there = flow.browser.open("/end-session", parameters)
    if isinstance(there, Page) and there.kind == "logout":
        return flow.browser.answer(there)
    return there


def is_logged_in(flow: Flow) -> bool:
    return "code" in flow.go(prompt="none").parameters


def redirected(there: Callback | Page) -> Callback:
    assert isinstance(there, Callback), there.text
    assert there.uri == LOGOUT_URI
    return there


def stayed(there: Callback | Page) -> Page:
    assert isinstance(there, Page), there
    assert there.kind == "end"
    return there


def test_oidcc_rp_initiated_logout(flow: Flow) -> None:
    hint = flow.tokens()["id_token"]
    there = flow.browser.open(
        "/end-session",
        {"id_token_hint": hint, "post_logout_redirect_uri": LOGOUT_URI, "state": "s"},
    )
    assert redirected(there).parameters == {"state": "s"}  # nothing is asked: the hint proves it
    assert not is_logged_in(flow)


def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(flow: Flow) -> None:
    hint = flow.tokens()["id_token"]
    there = log_out(flow, id_token_hint=hint, post_logout_redirect_uri=LOGOUT_URI + "x")
    assert stayed(there).response.status_code == 400


def test_oidcc_rp_initiated_logout_modified_id_token_hint(flow: Flow) -> None:
    header, payload, signature = flow.tokens()["id_token"].split(".")
    changed = ".".join((header, payload, signature[::-1]))
    there = log_out(flow, id_token_hint=changed, post_logout_redirect_uri=LOGOUT_URI)
    assert stayed(there).response.status_code == 400
    assert is_logged_in(flow)


def test_oidcc_rp_initiated_logout_bad_id_token_hint(flow: Flow) -> None:
    flow.tokens()
    there = log_out(flow, id_token_hint="not a token", post_logout_redirect_uri=LOGOUT_URI)
    assert stayed(there).response.status_code == 400
    assert is_logged_in(flow)


def test_oidcc_rp_initiated_logout_no_id_token_hint(flow: Flow) -> None:
    """Nobody proves whose redirect it is: the user is asked, logged out and sent nowhere."""
    flow.tokens()
    there = log_out(flow, post_logout_redirect_uri=LOGOUT_URI, state="s")
    stayed(there)


def test_oidcc_rp_initiated_logout_no_params(flow: Flow) -> None:
    flow.tokens()
    assert stayed(log_out(flow)).response.status_code == 200
    assert not is_logged_in(flow)


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(flow: Flow) -> None:
    hint = flow.tokens()["id_token"]
    stayed(log_out(flow, id_token_hint=hint, state="s"))
    assert not is_logged_in(flow)


def test_oidcc_rp_initiated_logout_no_state(flow: Flow) -> None:
    hint = flow.tokens()["id_token"]
    there = log_out(flow, id_token_hint=hint, post_logout_redirect_uri=LOGOUT_URI)
    assert redirected(there).parameters == {}
    assert not is_logged_in(flow)


def test_oidcc_rp_initiated_logout_only_state(flow: Flow) -> None:
    flow.tokens()
    assert stayed(log_out(flow, state="s")).response.status_code == 200
    assert not is_logged_in(flow)


def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(flow: Flow) -> None:
    hint = flow.tokens()["id_token"]
    there = log_out(flow, id_token_hint=hint, post_logout_redirect_uri=LOGOUT_URI + "?foo=bar")
    assert stayed(there).response.status_code == 400


def test_a_logout_by_post_does_the_same(flow: Flow) -> None:
    """RP-Initiated Logout 1.0 section 2: both methods."""
    hint = flow.tokens()["id_token"]
    there = flow.browser.send(
        "/end-session", {"id_token_hint": hint, "post_logout_redirect_uri": LOGOUT_URI}
    )
    if isinstance(there, Page) and there.kind == "logout":
        there = flow.browser.answer(there)
    redirected(there)
