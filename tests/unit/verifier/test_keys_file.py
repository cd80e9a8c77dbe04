"""Keys on disk: read back whole, or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.support.timing import HandClock

from lingpai.jose import strict_json
from lingpai.jose.key_set import KeySet
from lingpai.testing import FakeIssuer
from lingpai.verifier.keys_file import KeysFile

ISSUER = "https://issuer.test"
KEYS = KeySet([FakeIssuer().key.public])


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def file(tmp_path: Path, clock: HandClock) -> KeysFile:
    return KeysFile(tmp_path / "keys", ISSUER, clock)


def test_keys_come_back_with_their_age(file: KeysFile, clock: HandClock) -> None:
    file.save(KEYS)
    clock.turn(90)
    loaded = file.load()
    assert loaded is not None
    assert (loaded[0].to_jwks(), loaded[1]) == (KEYS.to_jwks(), 90)


def test_a_clock_that_stepped_back_makes_no_negative_age(file: KeysFile, clock: HandClock) -> None:
    file.save(KEYS)
    clock.turn(-90)
    loaded = file.load()
    assert loaded is not None
    assert loaded[1] == 0


def test_nothing_saved_is_no_trouble(file: KeysFile, caplog: pytest.LogCaptureFixture) -> None:
    assert file.load() is None
    assert not caplog.records


def test_only_the_owner_can_read_or_write(file: KeysFile) -> None:
    file.save(KEYS)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_read(file: KeysFile, mode: int) -> None:
    file.save(KEYS)
    file.path.chmod(mode)
    assert file.load() is None


def test_a_folder_that_others_may_write_is_not_read(file: KeysFile) -> None:
    file.save(KEYS)
    file.folder.chmod(0o777)
    assert file.load() is None


def test_keys_of_another_issuer_are_not_read(file: KeysFile) -> None:
    file.save(KEYS)
    other = KeysFile(file.folder, "https://other.test")
    file.path.rename(other.path)
    assert other.load() is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"issuer":"https://issuer.test"}', b'{"issuer":1,"fetched_at":1}'],
)
def test_a_torn_or_strange_file_is_not_read(
    file: KeysFile, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.save(KEYS)
    file.path.write_bytes(content)
    assert file.load() is None
    assert "not used" in caplog.text


def test_a_time_that_is_no_number_is_not_read(file: KeysFile) -> None:
    file.save(KEYS)
    document = strict_json.decode_object(file.path.read_bytes())
    file.path.write_bytes(strict_json.encode({**document, "fetched_at": True}))
    assert file.load() is None


def test_a_disk_that_fails_is_logged_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").write_text("in the way")
    KeysFile(tmp_path / "keys", ISSUER).save(KEYS)
    assert "not saved" in caplog.text


def test_a_failed_write_leaves_the_old_keys_and_no_litter(file: KeysFile) -> None:
    file.save(KEYS)
    file.path.unlink()
    file.path.mkdir()  # replacing a folder by a file fails at the last step
    file.save(KEYS)
    assert [path.name for path in file.folder.iterdir()] == [file.path.name]
