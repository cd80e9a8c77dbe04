"""What a verifier counts, and the text that Prometheus reads."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from tests.support.timing import eventually

from lingpai import errors
from lingpai.testing import Behaviour, FakeIssuer
from lingpai.verifier import Stats, StatusStats, Verifier, render_metrics
from lingpai.verifier.key_holder import FetchCounts
from lingpai.verifier.metrics import METRICS
from lingpai.verifier.status_timing import StatusCounts

STATUS = StatusStats(1.5, True, 2, StatusCounts(3, 400, 5, 6), None)
STATS = Stats(10, 7, {"token_expired": 2, "invalid_signature": 1}, 4, 4096, FetchCounts(8, 9), None)

SAMPLE = re.compile(r'lingpai_verifier_([a-z_]+)\{(\w+="[^"]*"(?:,\w+="[^"]*")*)\} (\S+)')


def read(text: str) -> dict[tuple[str, str], float]:
    """The samples by name and labels; every other line has to be a comment."""
    samples = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            found = SAMPLE.fullmatch(line)
            assert found, line
            samples[found[1], found[2]] = float(found[3])
    return samples


def test_every_number_is_there_under_its_name() -> None:
    assert read(render_metrics({"a": replace(STATS, status=STATUS)})) == {
        ("verified_total", 'verifier="a"'): 10,
        ("cache_hits_total", 'verifier="a"'): 7,
        ("refused_total", 'verifier="a",code="token_expired"'): 2,
        ("refused_total", 'verifier="a",code="invalid_signature"'): 1,
        ("cached_tokens", 'verifier="a"'): 4,
        ("cached_bytes", 'verifier="a"'): 4096,
        ("watches", 'verifier="a"'): 0,
        ("key_refreshes_total", 'verifier="a",outcome="succeeded"'): 8,
        ("key_refreshes_total", 'verifier="a",outcome="failed"'): 9,
        ("status_age_seconds", 'verifier="a"'): 1.5,
        ("status_streaming", 'verifier="a"'): 1,
        ("status_lists", 'verifier="a"'): 2,
        ("status_connections_total", 'verifier="a"'): 3,
        ("status_batches_total", 'verifier="a"'): 400,
        ("status_list_fetches_total", 'verifier="a"'): 5,
        ("status_failures_total", 'verifier="a"'): 6,
    }


def test_an_age_without_end_has_a_form_of_its_own() -> None:
    blind = replace(STATS, status=replace(STATUS, age_seconds=math.inf))
    assert 'status_age_seconds{verifier="a"} +Inf' in render_metrics({"a": blind})


def test_without_statuses_there_are_no_numbers_of_them() -> None:
    assert "status" not in render_metrics({"a": STATS})


def test_two_verifiers_share_one_description_of_each_metric() -> None:  # a second is an error
    lines = render_metrics({"a": STATS, "b": STATS}).splitlines()
    assert len([line for line in lines if line.startswith("# TYPE")]) == len(
        {line for line in lines if line.startswith("# TYPE")}
    )
    at = lines.index("# TYPE lingpai_verifier_verified_total counter")
    assert [line.partition("{")[0] for line in lines[at + 1 : at + 3]] == [
        "lingpai_verifier_verified_total"
    ] * 2


def test_a_name_cannot_break_out_of_its_label() -> None:
    assert r'verifier="a\"\\\n"' in render_metrics({'a"\\\n': STATS})


def test_counters_are_named_as_counters() -> None:
    for metric in METRICS:
        assert (metric.kind == "counter") == metric.name.endswith("_total")


def test_no_verifier_no_text() -> None:
    assert render_metrics({}) == ""


def test_a_verifier_counts_what_it_does() -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        verifier = issuer.verifier()
        raw = issuer.token()
        for _ in range(3):
            verifier.verify(raw)
        with pytest.raises(errors.MalformedToken):
            verifier.verify("x")
        eventually(lambda: status_of(verifier).is_streaming)
        eventually(lambda: status_of(verifier).age_seconds < 1)
        samples = read(render_metrics({"a": verifier.stats()}))
        assert samples["verified_total", 'verifier="a"'] == 3
        assert samples["cache_hits_total", 'verifier="a"'] == 2
        assert samples["refused_total", 'verifier="a",code="malformed_token"'] == 1
        assert samples["key_refreshes_total", 'verifier="a",outcome="succeeded"'] == 1
        assert samples["status_lists", 'verifier="a"'] == 1
        assert samples["status_connections_total", 'verifier="a"'] == 1


def status_of(verifier: Verifier) -> StatusStats:
    status = verifier.stats().status
    assert status is not None
    return status


def test_what_is_not_known_is_infinitely_old() -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        issuer.behaviour = Behaviour.UNREACHABLE
        assert status_of(issuer.verifier()).age_seconds == math.inf


def test_with_keys_that_were_given_no_statuses_are_counted() -> None:
    issuer = FakeIssuer()
    assert issuer.verifier(keys=issuer.key.public).stats().status is None
