"""What an operation asks of a token beyond being good."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from lingpai.errors import InsufficientPermission, InsufficientScope
from lingpai.verifier import Requirement


@dataclass(frozen=True)
class Granted:
    scopes: frozenset[str] = frozenset({"orders:read", "orders:write"})
    permissions: frozenset[str] = frozenset({"orders:refund"})
    roles: frozenset[str] = frozenset({"clerk"})


def test_nothing_asked_is_always_granted() -> None:
    Requirement.of().check(Granted(frozenset(), frozenset(), frozenset()))


def test_all_of_what_is_asked_must_be_there() -> None:
    Requirement.of(
        scopes=["orders:read", "orders:write"], permissions=["orders:refund"], roles=["clerk"]
    ).check(Granted())


def test_one_missing_scope_is_too_many() -> None:
    with pytest.raises(InsufficientScope, match=r"the scope orders:delete$"):
        Requirement.of(scopes=["orders:read", "orders:delete"]).check(Granted())


def test_a_missing_permission_is_not_a_missing_scope() -> None:
    with pytest.raises(InsufficientPermission, match="permissions a, b"):
        Requirement.of(permissions=["b", "a"]).check(Granted())


def test_a_missing_role_is_a_missing_permission() -> None:
    with pytest.raises(InsufficientPermission, match="the role manager"):
        Requirement.of(roles=["manager"]).check(Granted())


def test_scopes_are_compared_whole() -> None:  # RFC 6749 section 3.3: case-sensitive strings
    for near in ("orders", "Orders:read", "orders:read2"):
        with pytest.raises(InsufficientScope):
            Requirement.of(scopes=[near]).check(Granted())


@pytest.mark.parametrize("wrong", ["orders:read", b"orders:read", [1], [None]])
def test_a_bare_string_or_a_number_is_a_mistake_of_the_caller(wrong: Iterable[str]) -> None:
    for kind in ("scopes", "permissions", "roles"):
        with pytest.raises(TypeError):
            Requirement.of(**{kind: wrong})


@pytest.mark.parametrize("wrong", ["", " ", " a", "a b", 'a"b', "a\\b", "é", "a\n"])
def test_a_scope_that_no_token_can_carry_is_a_mistake_of_the_caller(wrong: str) -> None:
    with pytest.raises(ValueError):  # RFC 6749 section 3.3
        Requirement.of(scopes=[wrong])
