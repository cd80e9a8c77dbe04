"""Keys at rest: what is sealed opens with its own key, in its own place, and nowhere else."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from lingpai_server.core.records import KeyPurpose
from lingpai_server.core.secret import Secret
from lingpai_server.keys.sealing import (
    SealBroken,
    SealingKey,
    SealingKeyError,
    create_sealing_key,
    load_sealing_key,
    read_sealing_key,
)

CONTENT = Secret(b"a private key")


@pytest.fixture
def sealing() -> SealingKey:
    return SealingKey(Secret(bytes(range(32))))


def test_what_was_sealed_opens(sealing: SealingKey) -> None:
    sealed = sealing.seal(CONTENT, kid="k1", purpose=KeyPurpose.SIGN)
    assert sealing.open(sealed, kid="k1", purpose=KeyPurpose.SIGN) == CONTENT


def test_a_blob_shows_nothing_of_its_content_and_never_repeats(sealing: SealingKey) -> None:
    one = sealing.seal(CONTENT, kid="k1", purpose=KeyPurpose.SIGN)
    two = sealing.seal(CONTENT, kid="k1", purpose=KeyPurpose.SIGN)
    assert CONTENT.reveal() not in one
    assert one != two


@pytest.mark.parametrize(
    ("kid", "purpose"), [("k2", KeyPurpose.SIGN), ("k1", KeyPurpose.API_SECRET)]
)
def test_a_blob_opens_only_in_its_own_place(
    sealing: SealingKey, kid: str, purpose: KeyPurpose
) -> None:
    sealed = sealing.seal(CONTENT, kid="k1", purpose=KeyPurpose.SIGN)
    with pytest.raises(SealBroken):
        sealing.open(sealed, kid=kid, purpose=purpose)


def test_another_sealing_key_opens_nothing(sealing: SealingKey) -> None:
    sealed = sealing.seal(CONTENT, kid="k1", purpose=KeyPurpose.SIGN)
    with pytest.raises(SealBroken):
        SealingKey(Secret(bytes(32))).open(sealed, kid="k1", purpose=KeyPurpose.SIGN)


def test_every_flipped_byte_is_noticed(sealing: SealingKey) -> None:
    sealed = sealing.seal(CONTENT, kid="k1", purpose=KeyPurpose.SIGN)
    for position in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[position] ^= 1
        with pytest.raises(SealBroken):
            sealing.open(bytes(damaged), kid="k1", purpose=KeyPurpose.SIGN)


@pytest.mark.parametrize("length", [0, 1, 13, 28])
def test_a_blob_cut_short_is_refused(sealing: SealingKey, length: int) -> None:
    sealed = sealing.seal(CONTENT, kid="k1", purpose=KeyPurpose.SIGN)
    with pytest.raises(SealBroken):
        sealing.open(sealed[:length], kid="k1", purpose=KeyPurpose.SIGN)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_sealing_key_has_exactly_32_bytes(length: int) -> None:
    with pytest.raises(ValueError):
        SealingKey(Secret(bytes(length)))


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "A" * 44])
def test_a_bad_sealing_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SealingKeyError) as caught:
        read_sealing_key(text, "LINGPAI_SEALING_KEY")
    assert "LINGPAI_SEALING_KEY" in str(caught.value)
    assert not text or text not in str(caught.value)


def test_created_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "sealing.key"
    create_sealing_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["sealing.key"]


def test_creating_again_loads_the_same_key(tmp_path: Path, sealing: SealingKey) -> None:
    sealed = create_sealing_key(tmp_path / "sealing.key").seal(
        CONTENT, kid="k", purpose=KeyPurpose.SIGN
    )
    again = create_sealing_key(tmp_path / "sealing.key")
    assert again.open(sealed, kid="k", purpose=KeyPurpose.SIGN) == CONTENT
    assert load_sealing_key(tmp_path / "sealing.key")


def test_all_who_create_at_once_get_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "sealing.key"
    blobs: list[bytes] = []
    barrier = threading.Barrier(8)

    def create() -> None:
        barrier.wait()
        blobs.append(create_sealing_key(file).seal(CONTENT, kid="k", purpose=KeyPurpose.SIGN))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    key = load_sealing_key(file)
    assert [key.open(blob, kid="k", purpose=KeyPurpose.SIGN) for blob in blobs] == [CONTENT] * 8


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealingKeyError, match="absent"):
        load_sealing_key(tmp_path / "absent")


def test_file_of_other_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(os.urandom(8) + b"\xff")
    with pytest.raises(SealingKeyError):
        load_sealing_key(tmp_path / "key")


def test_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SealingKeyError, match="cannot be written"):
        create_sealing_key(tmp_path / "no such folder" / "sealing.key")
