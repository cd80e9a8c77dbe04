"""The JOSE header: RFC 7515 section 4, RFC 7516 section 4, RFC 7797 section 3."""

from __future__ import annotations

from typing import Any

import pytest

from lingpai.errors import InvalidHeader, UnsupportedCritical
from lingpai.jose import base64url, strict_json
from lingpai.jose.header import (
    B64,
    MAX_HEADER_CHARACTERS,
    media_type,
    parse_header,
    read_header,
    read_jwe_header,
    write_members,
)


def _encode(text: bytes) -> bytes:
    return base64url.encode_bytes(text)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("JWT", "jwt"),
        ("at+jwt", "at+jwt"),
        ("application/at+jwt", "at+jwt"),
        ("Application/AT+JWT", "at+jwt"),
        ("text/plain", "text/plain"),
        ("application/a/b", "application/a/b"),
    ],
)
def test_a_media_type_implies_application(given: str, meant: str) -> None:  # section 4.1.9
    assert media_type(given) == meant


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'"alg"',
        b'{"alg":"HS256","alg":"none"}',
        b'{"alg":"HS256"}x',
        b'\xef\xbb\xbf{"alg":"HS256"}',
        '{"alg":"HS256"}'.encode("utf-16"),
        b'{"alg":"HS256",}',
        b"{}",
        b'{"alg":null}',
        b'{"alg":1}',
        b'{"alg":["HS256"]}',
        b'{"alg":""}',
        b'{"alg":"HS256","kid":1}',
        b'{"alg":"HS256","typ":null}',
        b'{"alg":"HS256","cty":{}}',
    ],
)
def test_a_header_is_one_strict_object_of_the_right_types(text: bytes) -> None:
    with pytest.raises(InvalidHeader):
        parse_header(_encode(text))


def test_a_header_has_a_bound() -> None:
    with pytest.raises(InvalidHeader, match="too long"):
        parse_header(b"A" * (MAX_HEADER_CHARACTERS + 1))


CRIT: list[dict[str, Any]] = [
    {"crit": ["exp"]},
    {"crit": ["exp"], "exp": 1},
    {"crit": []},
    {"crit": "b64", "b64": False},
    {"crit": {"b64": 1}, "b64": False},
    {"crit": None},
    {"crit": [1]},
    {"crit": [["b64"]]},
    {"crit": ["alg"]},
    {"crit": ["b64", "b64"], "b64": False},
    {"crit": ["b64"]},
    {"crit": ["b64", "exp"], "b64": False, "exp": 1},
]


@pytest.mark.parametrize("members", CRIT)
def test_an_ill_formed_or_unknown_crit_is_refused(members: dict[str, Any]) -> None:
    header = {"alg": "HS256", **members}
    with pytest.raises(UnsupportedCritical):
        read_header(header, extensions=B64)


def test_crit_counts_only_where_it_is_protected() -> None:  # section 4.1.11
    with pytest.raises(UnsupportedCritical):
        read_header({"alg": "HS256"}, {"crit": ["b64"], "b64": False}, extensions=B64)
    with pytest.raises(UnsupportedCritical):
        read_header({"alg": "HS256", "crit": ["b64"]}, {"b64": False}, extensions=B64)


@pytest.mark.parametrize("b64", [False, True, "false", 0, None])
def test_b64_counts_only_where_crit_lists_it(b64: object) -> None:  # RFC 7797 section 6
    with pytest.raises(UnsupportedCritical):
        read_header({"alg": "HS256", "b64": b64}, extensions=B64)


@pytest.mark.parametrize("b64", ["false", 0, None])
def test_b64_is_a_boolean(b64: object) -> None:
    with pytest.raises(UnsupportedCritical):
        read_header({"alg": "HS256", "b64": b64, "crit": ["b64"]}, extensions=B64)


def test_b64_is_not_understood_unless_the_caller_says_so() -> None:
    header = {"alg": "HS256", "b64": False, "crit": ["b64"]}
    assert read_header(header, extensions=B64).b64 is False
    with pytest.raises(UnsupportedCritical):
        read_header(header)


def test_the_parts_of_a_header_are_disjoint() -> None:  # section 7.2.1
    with pytest.raises(InvalidHeader, match="two parts"):
        read_header({"alg": "HS256"}, {"alg": "HS256"})
    with pytest.raises(InvalidHeader, match="two parts"):
        read_jwe_header({"alg": "dir", "enc": "A128GCM"}, {"kid": "1"}, {"kid": "1"})


@pytest.mark.parametrize("enc", [None, 1, "", ["A128GCM"]])
def test_a_jwe_header_names_its_content_encryption(enc: object) -> None:
    with pytest.raises(InvalidHeader):
        read_jwe_header({"alg": "dir", "enc": enc})
    with pytest.raises(InvalidHeader):
        read_jwe_header({"alg": "dir"})


@pytest.mark.parametrize("protected", [{"zip": "GZIP"}, {"zip": ""}, {"zip": None}, {"zip": "def"}])
def test_zip_is_def_or_nothing(protected: dict[str, Any]) -> None:  # RFC 7516 section 4.1.3
    with pytest.raises(InvalidHeader):
        read_jwe_header({"alg": "dir", "enc": "A128GCM", **protected})


def test_zip_must_be_protected() -> None:  # RFC 7516 section 4.1.3
    with pytest.raises(InvalidHeader):
        read_jwe_header({"alg": "dir", "enc": "A128GCM"}, {"zip": "DEF"})


def test_a_jwe_understands_no_extension() -> None:
    header = {"alg": "dir", "enc": "A128GCM", "crit": ["b64"], "b64": False}
    with pytest.raises(UnsupportedCritical):
        read_jwe_header(header)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": 1},
        {"crit": ["b64"]},
        {"b64": False},
        {"zip": "DEF"},
        {"epk": {}},
        {"iv": "AAAA"},
        {"tag": "AAAA"},
        {"p2s": "AAAA"},
        {"kid": None},
        {"typ": 1},
        {"apu": "not base64url!"},
    ],
)
def test_a_caller_cannot_write_what_is_not_its_to_set(header: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        write_members("HS256", "1", header)


def test_a_caller_may_choose_the_kid_and_add_members() -> None:
    written = write_members("HS256", "1", {"kid": "2", "typ": "JWT", "jku": "https://x"})
    assert written == {"alg": "HS256", "kid": "2", "typ": "JWT", "jku": "https://x"}


def test_a_header_with_white_space_is_read() -> None:  # RFC 7515 appendix A.1
    header = parse_header(_encode(b'{"typ":"JWT",\r\n "alg":"HS256"}'))
    assert (header.alg, header.typ) == ("HS256", "jwt")
    assert strict_json.decode(b'{"typ":"JWT",\r\n "alg":"HS256"}') == header.members
