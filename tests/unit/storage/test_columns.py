"""What rests in one column: the settings of another version are read, secrets stay hidden."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

import pytest

from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.client_settings import ClientSettings, Encryption, SecurityProfile
from lingpai_server.storage.columns import API_SETTINGS, CLAIMS, CLIENT_SETTINGS, FLAG, SECRET
from lingpai_server.storage.shapes import Joined, Row, Shape


@dataclass(frozen=True)
class Thing:
    """A record of two columns."""

    name: str
    good: bool


THINGS = Shape("things", Thing, good=FLAG)


def test_absent_settings_have_their_defaults() -> None:
    """The migration gave every row of the first release an empty object."""
    assert CLIENT_SETTINGS.decode("{}") == ClientSettings()
    assert API_SETTINGS.decode("{}") == ApiSettings()


def test_settings_of_a_newer_program_are_read_for_what_is_known() -> None:
    newer = '{"profile":"fapi2","unheard_of":{"a":[1]},"dpop_bound":true}'
    expected = ClientSettings(profile=SecurityProfile.FAPI2, dpop_bound=True)
    assert CLIENT_SETTINGS.decode(newer) == expected
    assert API_SETTINGS.decode('{"format":"opaque","x":1}') == ApiSettings(TokenFormat.OPAQUE)


def test_every_setting_is_written_so_that_a_later_default_changes_nobody() -> None:
    written = json.loads(str(CLIENT_SETTINGS.encode(ClientSettings())))
    assert written.keys() == {field.name for field in fields(ClientSettings)}


def test_settings_come_back_as_they_were() -> None:
    client = ClientSettings(
        id_token_encryption=Encryption("ECDH-ES"), default_max_age_seconds=0, contacts=("a", "b")
    )
    api = ApiSettings(TokenFormat.JWE, scope_texts={"a#zh-CN": "甲"})
    assert CLIENT_SETTINGS.decode(CLIENT_SETTINGS.encode(client)) == client
    assert API_SETTINGS.decode(API_SETTINGS.encode(api)) == api


def test_the_claims_of_a_person_are_a_mapping_of_their_own_each_time() -> None:
    first = CLAIMS.decode('{"name":"Ming"}')
    first["name"] = "changed"
    assert CLAIMS.decode('{"name":"Ming"}') == {"name": "Ming"}


def test_no_secret_is_made_of_nothing() -> None:
    assert SECRET.decode(None) is None
    assert SECRET.encode(None) is None
    assert "hash" not in repr(SECRET.decode("hash"))
    assert SECRET.encode(SECRET.decode("hash")) == "hash"


def test_a_record_lies_in_columns_of_its_own_names() -> None:
    assert THINGS.select == "SELECT name, good FROM things "
    assert THINGS.insert == "INSERT INTO things (name, good) VALUES (?1, ?2)"
    assert THINGS.values(Thing("a", True)) == ["a", 1]
    assert THINGS.read(("a", 1)) == Thing("a", True)


def test_a_codec_for_no_field_is_refused() -> None:
    with pytest.raises(ValueError, match="bad"):
        Shape("things", Thing, bad=FLAG)


def test_what_an_outer_join_did_not_find_is_none() -> None:
    assert THINGS.read_optional(None) is None
    assert THINGS.read_optional((None, None)) is None
    assert THINGS.read_optional(("a", 0)) == Thing("a", False)


def test_several_records_lie_side_by_side() -> None:
    both = Joined(x=THINGS, y=THINGS)
    query = both.query("FROM things x, things y", "1")
    assert query == "SELECT x.name, x.good, y.name, y.good, 1 FROM things x, things y"
    first, second = both.parts
    row: Row = ("a", 1, "b", 0, 1)
    assert (THINGS.read(row[first]), THINGS.read(row[second])) == (
        Thing("a", True),
        Thing("b", False),
    )
