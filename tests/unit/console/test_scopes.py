"""What a user reads of what a client asks for."""

from __future__ import annotations

from tests.support.stores import an_api

from lingpai_server.console.languages import Language
from lingpai_server.console.scopes import Meaning, explain_details, explain_scopes
from lingpai_server.core.api_settings import ApiSettings

TEXTS = {"orders:read": "See your orders", "orders:read#zh-CN": "查看您的订单"}
API = an_api(settings=ApiSettings(scope_texts=TEXTS))


def test_own_scopes_are_told_apart_from_the_apis() -> None:
    asked = explain_scopes(("orders:read", "openid", "email"), API, Language.ENGLISH)
    assert [meaning.scope for meaning in asked.identity] == ["openid", "email"]
    assert [meaning.scope for meaning in asked.at_api] == ["orders:read"]


def test_scope_is_told_in_the_words_of_its_api() -> None:
    (meaning,) = explain_scopes(("orders:read",), API, Language.ENGLISH).at_api
    assert meaning == Meaning("orders:read", "See your orders", "orders:read")


def test_words_in_the_users_language_go_first() -> None:
    (meaning,) = explain_scopes(("orders:read",), API, Language.CHINESE).at_api
    assert meaning.text == "查看您的订单"


def test_scope_without_words_is_told_by_its_name() -> None:
    (meaning,) = explain_scopes(("notes:purge",), API, Language.ENGLISH).at_api
    assert meaning == Meaning("notes:purge", "notes:purge")


def test_scope_asked_for_twice_is_told_once() -> None:
    asked = explain_scopes(("orders:read", "orders:read"), API, Language.ENGLISH)
    assert len(asked.at_api) == 1


def test_details_are_told_to_the_last_member() -> None:
    """RFC 9396 section 2: what is not read is granted unread."""
    text = """[{"type": "payment", "amount": {"value": "12.50", "currency": "EUR"},
        "actions": ["initiate", "cancel"], "to": [{"iban": "DE1"}, {"iban": "DE2"}],
        "limit": 3, "urgent": true, "note": null, "extra": {}, "none": []}]"""
    (rows,) = explain_details(text)
    assert rows == (
        ("type", "payment"),
        ("amount.value", "12.50"),
        ("amount.currency", "EUR"),
        ("actions", "initiate, cancel"),
        ("to 1.iban", "DE1"),
        ("to 2.iban", "DE2"),
        ("limit", "3"),
        ("urgent", "true"),
        ("note", "null"),
        ("extra", "{}"),
        ("none", "[]"),
    )


def test_every_object_is_a_table_of_its_own() -> None:
    assert len(explain_details('[{"type": "a"}, {"type": "b"}]')) == 2


def test_no_details_are_no_tables() -> None:
    assert explain_details(None) == ()
