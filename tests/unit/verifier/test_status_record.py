"""What a record keeps is enough to know all again, and no more than that."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from lingpai.jose import base64url, strict_json
from lingpai.jwt.status_list import StatusList, StatusListToken
from lingpai.jwt.status_stream import Batch
from lingpai.verifier import status_record
from lingpai.verifier.status_record import StatusRecord

ONE, TWO = "https://issuer.test/1", "https://issuer.test/2"


def signed(name: str, kid: str = "k1") -> str:
    """What a record takes for a token: a header, and a name in place of the rest."""
    return base64url.encode(strict_json.encode({"alg": "ES256", "kid": kid})) + f".{name}"


def names(record: StatusRecord) -> list[str]:
    return [line.rpartition(".")[2] for line in record.lines()]


def begin(
    record: StatusRecord, name: str, seq: int, *, anew: bool = False, kid: str = "k1"
) -> None:
    snapshot = Batch("e", seq, seq, as_of=0, is_snapshot=True, nonce="n")
    record.begin(signed(name, kid), snapshot, anew=anew)


def add(
    record: StatusRecord,
    name: str,
    after: int,
    seq: int,
    *,
    at: float = 0,
    kid: str = "k1",
    revokes: tuple[str, ...] = (),
) -> None:
    changes = {ONE: ((1, 1),)} if seq > after else {}
    batch = Batch("e", after, seq, as_of=at, changes=changes, kids=revokes)
    record.add(signed(name, kid), batch)


def keep(
    record: StatusRecord,
    name: str,
    seq: int | None,
    *,
    uri: str = ONE,
    epoch: str = "e",
    expires_at: float = float("inf"),
    kid: str = "k1",
) -> None:
    claims: dict[str, Any] = {} if seq is None else {"seq": seq, "epoch": epoch}
    statuses = StatusList.zeros(4, bits=2)
    token = StatusListToken(uri, statuses, 0.0, expires_at, None, MappingProxyType(claims))
    record.keep(signed(name, kid), token)


def a_record() -> StatusRecord:
    """With a snapshot at 5 and a list from then."""
    record = StatusRecord()
    begin(record, "s5", 5)
    keep(record, "l5", 5)
    return record


def test_of_heartbeats_in_a_row_the_last_is_kept() -> None:
    record = a_record()
    for raw in ("h1", "h2", "h3"):
        add(record, raw, 5, 5)
    add(record, "c6", 5, 6)
    add(record, "h4", 6, 6)
    add(record, "h5", 6, 6)
    assert names(record) == ["s5", "h3", "c6", "h5", "l5"]


def test_a_snapshot_that_a_list_is_older_than_does_not_replace_what_was_before() -> None:
    record = a_record()
    add(record, "c6", 5, 6)
    begin(record, "s6", 6)
    assert names(record) == ["s5", "c6", "s6", "l5"]
    keep(record, "l6", 6)
    assert names(record) == ["s6", "l6"]


def test_the_oldest_list_decides_what_is_kept() -> None:
    record = a_record()
    keep(record, "m5", 5, uri=TWO)
    add(record, "c6", 5, 6)
    begin(record, "s6", 6)
    keep(record, "l6", 6)
    assert names(record)[0] == "s5"
    record.keep_only([ONE])
    assert names(record) == ["s6", "l6"]


@pytest.mark.parametrize(("seq", "epoch"), [(None, ""), (1, "another")])
def test_a_list_that_follows_no_stream_holds_nothing_back(seq: int | None, epoch: str) -> None:
    record = a_record()
    keep(record, "m", seq, uri=TWO, epoch=epoch)
    begin(record, "s9", 9)
    keep(record, "l9", 9)
    assert names(record) == ["s9", "l9", "m"]


def test_a_stream_that_begins_anew_drops_what_was_told_before() -> None:
    record = a_record()
    add(record, "c6", 5, 6)
    begin(record, "s9", 9, anew=True)
    assert names(record) == ["s9", "l5"]


def test_an_old_copy_of_a_list_does_not_replace_a_newer_one() -> None:
    record = a_record()
    keep(record, "l4", 4)
    assert names(record) == ["s5", "l5"]
    keep(record, "x1", 1, epoch="another")
    assert names(record)[1:] == ["x1"]


def test_after_many_batches_a_snapshot_is_wanted_and_then_the_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_record, "MAX_BATCH_BYTES", 100)
    record = a_record()
    assert not record.wants_snapshot()
    for seq in range(6, 14):
        add(record, f"c{seq}", seq - 1, seq)
    assert record.wants_snapshot()
    assert record.wanted_lists(1000.0) == []  # they would hold nothing newer than the snapshot
    begin(record, "s13", 13)
    assert not record.wants_snapshot()
    assert record.wanted_lists(1000.0) == [ONE]
    keep(record, "l13", 13)
    assert names(record) == ["s13", "l13"]


def test_what_a_revoked_key_signed_is_to_be_replaced() -> None:
    record = a_record()
    add(record, "r", 5, 5, kid="k2", revokes=("k1",))
    assert record.wants_snapshot()
    assert record.wanted_lists(1000.0) == [ONE]
    begin(record, "s6", 6, kid="k2")
    assert not record.wants_snapshot()
    assert names(record) == ["s5", "r", "s6", "l5"]
    keep(record, "l6", 6, kid="k2")
    assert names(record) == ["s6", "l6"]
    assert record.wanted_lists(2000.0) == []


def test_an_old_snapshot_is_to_be_replaced() -> None:
    record = a_record()
    add(record, "h", 5, 5, at=3600)
    assert not record.wants_snapshot()
    add(record, "h", 5, 5, at=3601)
    assert record.wants_snapshot()


def test_a_list_is_wanted_again_at_half_of_its_time() -> None:
    record = StatusRecord()
    keep(record, "l", None, expires_at=3600.0)
    assert record.wanted_lists(1800.0) == []
    assert record.wanted_lists(1801.0) == [ONE]


def test_a_list_that_does_not_come_is_asked_for_once_a_minute() -> None:
    record = StatusRecord()
    keep(record, "l", None, expires_at=100.0)
    asked = [now for now in range(1000, 1200) if record.wanted_lists(float(now))]
    assert asked == [1000, 1060, 1120, 1180]
    keep(record, "l", None, expires_at=100.0)  # it came, and no newer than it was
    assert record.wanted_lists(1200.0) == []


def test_a_list_that_cannot_be_had_any_more_does_not_make_the_record_grow_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_record, "MAX_BATCH_BYTES", 500)
    record = a_record()
    keep(record, "m5", 5, uri=TWO)
    for seq in range(6, 1000):
        add(record, f"c{seq}", seq - 1, seq)
        if record.wants_snapshot():
            begin(record, f"s{seq}", seq)
            keep(record, f"l{seq}", seq)
    assert len(names(record)) < 50
    assert "m5" not in names(record)
