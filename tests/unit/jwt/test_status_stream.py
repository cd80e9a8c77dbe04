"""Batches of changed statuses: what goes in comes out, and nothing else comes in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tokens import ISSUER, NOW

from lingpai import Key, errors, sign
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.status_stream import Batch, open_batch, sign_batch

KEY = Key.generate("ES256")
assert isinstance(KEY, PrivateKey)
URI = "https://issuer.example/status-lists/1"
GOOD: dict[str, Any] = {"iss": ISSUER, "epoch": "e", "after": 1, "seq": 2, "as_of": NOW}


def read(**changes: Any) -> Batch:
    """The batch in a token of these claims."""
    raw = sign(GOOD | changes, KEY, typ="statusstream+jwt")
    return open_batch(raw, KEY.public, issuer=ISSUER, now=NOW)


numbers = st.integers(0, 2**31)
batches = st.builds(
    Batch,
    epoch=st.text(max_size=8),
    after=st.integers(0, 1000),
    seq=st.integers(1000, 2**40),
    as_of=st.floats(1, 2**40),
    changes=st.dictionaries(
        st.text(max_size=9),
        st.lists(st.tuples(numbers, st.integers(0, 3)), min_size=1).map(tuple),
        max_size=3,
    ),
    denied=st.lists(st.tuples(st.text(max_size=9), numbers), max_size=3).map(tuple),
    kids=st.lists(st.text(max_size=9), max_size=3).map(tuple),
    is_snapshot=st.booleans(),
    gap=st.booleans(),
    nonce=st.none() | st.text(min_size=1, max_size=9),
)


@given(batches)
def test_a_batch_comes_out_as_it_went_in(batch: Batch) -> None:
    raw = sign_batch(batch, KEY, issuer=ISSUER)
    assert open_batch(raw, KEY.public, issuer=ISSUER, now=NOW) == batch


def test_a_batch_of_another_issuer_is_refused() -> None:
    raw = sign_batch(Batch("e", 1, 2, NOW), KEY, issuer="https://other.example")
    with pytest.raises(errors.IssuerMismatch):
        open_batch(raw, KEY.public, issuer=ISSUER, now=NOW)


def test_a_token_of_another_kind_is_no_batch() -> None:
    raw = sign(GOOD, KEY, typ="at+jwt")
    with pytest.raises(errors.TypMismatch):
        open_batch(raw, KEY.public, issuer=ISSUER, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 1},
        {"nonce": 1},
        {"after": -1},
        {"after": True},
        {"after": 3},
        {"seq": 2.0},
        {"seq": 2**60},
        {"as_of": "now"},
        {"as_of": -1},
        {"changes": []},
        {"changes": {URI: {}}},
        {"changes": {URI: [[1]]}},
        {"changes": {URI: [[-1, 1]]}},
        {"changes": {URI: [[1, 4]]}},
        {"changes": {URI: [["1", 1]]}},
        {"changes": {URI: [[1, True]]}},
        {"denied": {}},
        {"denied": [["jti"]]},
        {"denied": [[1, 2]]},
        {"kids": "k"},
        {"kids": [1]},
    ],
    ids=str,
)
def test_a_batch_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidClaim):
        read(**changes)
