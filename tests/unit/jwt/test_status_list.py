"""Status lists as bits: the draft's vectors, a second decoder, bounds (Token Status List 4)."""

from __future__ import annotations

import json
import random
import tracemalloc
import zlib
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from tests.support.tokens import encode

from lingpai import errors
from lingpai.jwt.status_list import (
    MAX_LIST_BYTES,
    WIDTHS,
    Status,
    StatusList,
    StatusReference,
    check_status,
    read_reference,
)

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/token-status-list/vectors.json").read_text()
)


def decode_as_the_draft_says(claim: dict[str, Any]) -> list[int]:
    """Sections 4.1 and 4.2 read anew: every bit by itself, and no line shared with the library."""
    data = zlib.decompress(urlsafe_b64decode(claim["lst"] + "=="))
    bits = [byte >> place & 1 for byte in data for place in range(8)]
    width = claim["bits"]
    return [
        sum(bit << place for place, bit in enumerate(bits[start : start + width]))
        for start in range(0, len(bits), width)
    ]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_drafts_lists_are_read(vector: dict[str, Any]) -> None:  # sections 4.1, 4.2, C
    statuses = StatusList.from_claim({"bits": vector["bits"], "lst": vector["lst"]})
    assert len(statuses) >= vector["size"]
    expected = {int(index): status for index, status in vector["statuses"].items()}
    assert {index: statuses.lookup(index) for index in expected} == expected
    others = random.Random(7).sample(range(vector["size"]), min(2000, vector["size"]))
    assert all(statuses.lookup(index) == expected.get(index, 0) for index in others)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_drafts_lists_are_written(vector: dict[str, Any]) -> None:
    changes = {int(index): status for index, status in vector["statuses"].items()}
    statuses = StatusList.zeros(vector["size"], bits=vector["bits"]).changed(changes)
    written = statuses.to_claim()
    assert written["bits"] == vector["bits"]
    # another zlib may compress otherwise, so what counts is what the text stands for
    assert zlib.decompress(urlsafe_b64decode(written["lst"] + "==")) == zlib.decompress(
        urlsafe_b64decode(vector["lst"] + "==")
    )


@pytest.mark.parametrize("bits", WIDTHS)
def test_another_decoder_reads_what_is_written(bits: int) -> None:
    drawn = random.Random(bits)
    statuses = [drawn.randrange(1 << bits) for _ in range(1003)]
    found = decode_as_the_draft_says(StatusList.of(statuses, bits=bits).to_claim())
    assert found[: len(statuses)] == statuses
    assert not any(found[len(statuses) :])


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_status_changes_alone(bits: int) -> None:
    drawn = random.Random(bits)
    before = [drawn.randrange(1 << bits) for _ in range(64)]
    statuses = StatusList.of(before, bits=bits)
    for index in range(64):
        flipped = (1 << bits) - 1 - before[index]
        after = statuses.changed({index: flipped})
        expected = [*before[:index], flipped, *before[index + 1 :]]
        assert [after.lookup(at) for at in range(64)] == expected
    assert [statuses.lookup(at) for at in range(64)] == before


def test_the_least_significant_bits_come_first() -> None:  # section 4.1, step 3
    assert StatusList.of([1, 2, 0, 3], bits=2).data == bytes([0b11_00_10_01])


def test_a_list_fills_up_its_last_byte_with_valid() -> None:
    statuses = StatusList.of([1, 1, 1], bits=1)
    assert len(statuses) == 8
    assert [statuses.lookup(index) for index in range(8)] == [1, 1, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("index", [-1, 64, 10**30])
def test_an_index_outside_the_list_is_refused(bits: int, index: int) -> None:  # 8.3, step 6
    statuses = StatusList.zeros(64, bits=bits)
    statuses.lookup(0)
    statuses.lookup(63)
    with pytest.raises(errors.StatusUnknown, match="outside a list of 64"):
        statuses.lookup(index)


@pytest.mark.parametrize("changes", [{-1: 0}, {64: 0}, {0: 4}, {0: -1}], ids=str)
def test_a_change_that_does_not_fit_is_the_callers_mistake(changes: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="no place"):
        StatusList.zeros(64, bits=2).changed(changes)


@pytest.mark.parametrize("bits", [0, 3, 5, 16, -1])
def test_a_width_that_the_draft_does_not_have_is_refused(bits: int) -> None:  # section 4.1
    with pytest.raises(ValueError, match="1, 2, 4 or 8"):
        StatusList(bits, b"")
    with pytest.raises(ValueError, match="1, 2, 4 or 8"):
        StatusList.zeros(8, bits=bits)


def lst(data: bytes) -> str:
    return encode(zlib.compress(data))


@pytest.mark.parametrize(
    "claim",
    [
        None,
        [],
        "eNo",
        {},
        {"bits": 1},
        {"lst": lst(b"\0")},
        {"bits": 3, "lst": lst(b"\0")},
        {"bits": "1", "lst": lst(b"\0")},
        {"bits": True, "lst": lst(b"\0")},
        {"bits": 1.0, "lst": lst(b"\0")},
        {"bits": 1, "lst": None},
        {"bits": 1, "lst": [lst(b"\0")]},
        {"bits": 1, "lst": ""},
        {"bits": 1, "lst": "AAAA"},
        {"bits": 1, "lst": lst(b"\0") + "="},
        {"bits": 1, "lst": lst(b"\0") + " "},
        {"bits": 1, "lst": lst(b"\0" * 9)[:-4]},
        {"bits": 1, "lst": encode(zlib.compress(b"\0") + b"x")},
        {"bits": 1, "lst": encode(zlib.compress(b"\0") * 2)},
        {"bits": 1, "lst": encode(zlib.compress(b"abc")[:-1] + b"\0")},
        {"bits": 1, "lst": encode(zlib.compress(b"\0", wbits=-15))},
        {"bits": 1, "lst": encode(zlib.compress(b"\0", wbits=31))},
        {"bits": 1, "lst": "é"},
        {"bits": 1, "lst": lst(b"\0"), "aggregation_uri": 1},
    ],
    ids=lambda claim: str(claim)[:40],
)
def test_a_list_of_another_shape_is_refused(claim: object) -> None:  # section 4.2
    with pytest.raises(errors.InvalidClaim, match="status_list"):
        StatusList.from_claim(claim)


def test_further_members_are_no_harm() -> None:
    claim = {"bits": 1, "lst": lst(b"\1"), "aggregation_uri": "https://id.example/all", "x": 1}
    assert StatusList.from_claim(claim) == StatusList(1, b"\1")


def test_a_list_unpacks_to_its_bound_and_not_a_byte_further() -> None:
    claim = {"bits": 8, "lst": lst(b"\0" * 1001)}
    assert len(StatusList.from_claim(claim, max_bytes=1001)) == 1001
    with pytest.raises(errors.InvalidClaim, match="more than 1000 bytes"):
        StatusList.from_claim(claim, max_bytes=1000)


def test_a_compression_bomb_is_refused_before_it_bursts() -> None:
    bomb = {"bits": 1, "lst": lst(bytes(64_000_000))}
    tracemalloc.start()
    try:
        with pytest.raises(errors.InvalidClaim, match=f"more than {MAX_LIST_BYTES} bytes"):
            StatusList.from_claim(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_LIST_BYTES
    finally:
        tracemalloc.stop()


# --- the status claim of a token ------------------------------------------------------------------


def test_the_reference_of_the_draft_is_read() -> None:  # section 6.2
    uri = "https://example.com/statuslists/1"
    claims = {"status": {"status_list": {"idx": 0, "uri": uri}}}
    assert read_reference(claims) == StatusReference(0, uri)


def test_a_token_without_status_has_no_reference() -> None:
    assert read_reference({"sub": "x"}) is None


@pytest.mark.parametrize("index", ["0", -1, 1.0, True, None, [0], ...], ids=str)
def test_an_index_is_a_non_negative_integer(index: object) -> None:  # section 6.2
    members = {"idx": index, "uri": "https://id.example/l/1"}
    reference = {n: v for n, v in members.items() if v is not ...}
    with pytest.raises(errors.InvalidClaim, match="idx"):
        read_reference({"status": {"status_list": reference}})


@pytest.mark.parametrize("uri", ["", None, 1, ["x"], ...], ids=str)
def test_a_uri_is_text(uri: object) -> None:  # section 6.2
    reference = {n: v for n, v in {"idx": 0, "uri": uri}.items() if v is not ...}
    with pytest.raises(errors.InvalidClaim, match="uri"):
        read_reference({"status": {"status_list": reference}})


@pytest.mark.parametrize("status", [None, 1, "x", [], {}], ids=str)
def test_a_status_is_an_object_that_names_a_mechanism(status: object) -> None:  # section 6.1
    with pytest.raises(errors.InvalidClaim, match="status is not"):
        read_reference({"status": status})


@pytest.mark.parametrize("reference", [None, 1, "x", []], ids=str)
def test_a_status_list_reference_is_an_object(reference: object) -> None:
    with pytest.raises(errors.InvalidClaim, match="status_list is not an object"):
        read_reference({"status": {"status_list": reference}})


def test_a_mechanism_that_is_not_known_is_not_taken_for_valid() -> None:
    with pytest.raises(errors.StatusUnchecked, match="identifier_list"):
        read_reference({"status": {"identifier_list": {"id": "x"}}})


# --- what a status means --------------------------------------------------------------------------


def test_valid_passes() -> None:  # section 7.1
    check_status(StatusList.of([Status.VALID], bits=8), 0)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (Status.INVALID, errors.TokenRevoked),
        (Status.SUSPENDED, errors.TokenSuspended),
        (Status.STALE, errors.TokenStale),
        (4, errors.StatusUnknown),
        (0x0C, errors.StatusUnknown),
        (0xFF, errors.StatusUnknown),
    ],
)
def test_every_other_status_is_refused(status: int, error: type[errors.StatusError]) -> None:
    with pytest.raises(error) as refusal:
        check_status(StatusList.of([0, status], bits=8), 1)
    assert type(refusal.value) is error


def test_an_index_outside_the_list_is_not_taken_for_valid() -> None:
    with pytest.raises(errors.StatusUnknown):
        check_status(StatusList.zeros(8, bits=1), 8)
