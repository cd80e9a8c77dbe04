"""A verifier follows an issuer over real sockets: lists, stream, outages, and the way back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from tests.support.timing import eventually

from lingpai import errors
from lingpai.testing import FakeIssuer, LoopbackIssuer
from lingpai.verifier import HttpTransport, Verifier

SOON_SECONDS = 5.0  # a stream is told of a change at once; the rest is for a busy machine


@pytest.fixture
def issuer() -> Iterator[LoopbackIssuer]:
    with LoopbackIssuer(with_statuses=True) as made:
        yield made


@pytest.fixture
def verifier(issuer: LoopbackIssuer) -> Verifier:
    made = issuer.verifier(transport=HttpTransport(timeout_seconds=1))
    assert made.ready(5)
    eventually(lambda: is_streaming(made))
    return made


def is_streaming(verifier: Verifier) -> bool:
    status = verifier._sources.status
    return status is not None and status.is_streaming


def refused_as(verifier: Verifier, raw: str, refusal: type[errors.TokenError]) -> bool:
    try:
        verifier.verify(raw)
    except refusal:
        return True
    except errors.StatusUnavailable:
        return False
    return False


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (FakeIssuer.revoke, errors.TokenRevoked),
        (FakeIssuer.suspend, errors.TokenSuspended),
        (FakeIssuer.make_stale, errors.TokenStale),
        (FakeIssuer.deny, errors.TokenRevoked),
    ],
)
def test_what_is_revoked_is_refused_soon_and_by_no_request_of_its_own(
    issuer: LoopbackIssuer,
    verifier: Verifier,
    act: Callable[[FakeIssuer, str], None],
    refusal: type[errors.TokenError],
) -> None:
    raw, other = issuer.token(), issuer.token()
    for _ in range(2):
        verifier.verify(raw)
        verifier.verify(other)
    asked = len(issuer.requests)
    act(issuer, raw)
    eventually(lambda: refused_as(verifier, raw, refusal), within_seconds=SOON_SECONDS)
    verifier.verify(other)
    assert len(issuer.requests) == asked


def test_an_outage_harms_no_token_whose_status_is_known(
    issuer: LoopbackIssuer, verifier: Verifier
) -> None:
    raw, revoked = issuer.token(), issuer.token()
    verifier.verify(raw)
    issuer.revoke(revoked)
    eventually(lambda: refused_as(verifier, revoked, errors.TokenRevoked))
    issuer.go_away()
    eventually(lambda: failures(verifier) > 1)
    verifier.verify(raw)
    with pytest.raises(errors.TokenRevoked):
        verifier.verify(revoked)
    with pytest.raises(errors.StatusUnavailable, match="old"):
        verifier.verify(raw, max_status_age_seconds=0.001)


def failures(verifier: Verifier) -> int:
    status = verifier._sources.status
    return 0 if status is None else status.counts.failed


@pytest.mark.parametrize("epoch", ["epoch-1", "epoch-2"])  # resumed, or begun anew
def test_what_was_revoked_while_nobody_listened_is_refused_when_the_issuer_is_back(
    issuer: LoopbackIssuer, verifier: Verifier, epoch: str
) -> None:
    raw, other = issuer.token(), issuer.token()
    verifier.verify(raw)
    verifier.verify(other)
    issuer.go_away()
    eventually(lambda: failures(verifier) > 0)
    assert issuer.statuses is not None
    issuer.statuses.epoch = epoch
    issuer.revoke(raw)
    issuer.come_back()
    eventually(lambda: refused_as(verifier, raw, errors.TokenRevoked), within_seconds=10)
    eventually(lambda: is_streaming(verifier))
    verifier.verify(other)


def test_a_key_that_came_during_an_outage_signs_what_the_stream_says_next(
    issuer: LoopbackIssuer, verifier: Verifier
) -> None:
    raw = issuer.token()
    verifier.verify(raw)
    issuer.go_away()
    eventually(lambda: failures(verifier) > 0)
    issuer.rotate()
    issuer.come_back()
    issuer.revoke(raw)
    eventually(lambda: refused_as(verifier, raw, errors.TokenRevoked), within_seconds=10)


def test_close_ends_the_stream_at_once(issuer: LoopbackIssuer, verifier: Verifier) -> None:
    verifier.verify(issuer.token())
    started = time.monotonic()
    verifier.close()
    assert time.monotonic() - started < SOON_SECONDS
    names = {"lingpai-keys", "lingpai-stream", "lingpai-lists"}
    assert not [thread for thread in threading.enumerate() if thread.name in names]
