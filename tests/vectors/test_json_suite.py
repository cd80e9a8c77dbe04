"""JSONTestSuite over the strict parser: RFC 8259, and no name twice within an object."""

from __future__ import annotations

import pytest
from tests.support.vectors import VECTORS

from lingpai.jose import strict_json

SUITE = VECTORS / "JSONTestSuite" / "test_parsing"
# The suite accepts a repeated name, as RFC 8259 section 4 leaves open; a token may not have one.
DUPLICATES = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
VALID = sorted(p.name for p in SUITE.glob("y_*.json") if p.name not in DUPLICATES)
INVALID = sorted(p.name for p in SUITE.glob("n_*.json"))
EITHER = sorted(p.name for p in SUITE.glob("i_*.json"))


def test_the_suite_is_whole() -> None:
    assert (len(VALID), len(INVALID), len(EITHER)) == (93, 188, 35)


@pytest.mark.parametrize("name", VALID)
def test_valid_json_is_accepted(name: str) -> None:
    strict_json.decode((SUITE / name).read_bytes())


@pytest.mark.parametrize("name", sorted(DUPLICATES))
def test_a_repeated_name_is_refused(name: str) -> None:  # RFC 7519 section 4
    with pytest.raises(ValueError, match="repeated"):
        strict_json.decode((SUITE / name).read_bytes())


@pytest.mark.parametrize("name", INVALID)
def test_invalid_json_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        strict_json.decode((SUITE / name).read_bytes())


@pytest.mark.parametrize("name", EITHER)
def test_doubtful_json_is_read_or_refused_and_never_more(name: str) -> None:
    try:
        value = strict_json.decode((SUITE / name).read_bytes())
    except ValueError:
        return
    assert strict_json.decode(strict_json.encode(value)) == value
