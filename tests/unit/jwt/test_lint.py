"""The lint: what looks like a secret does not stand in a payload that anyone can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.tokens import claims, secret_key

from lingpai import Key, errors, sign


def issue(members: dict[str, Any], **options: Any) -> str:
    return sign(members, secret_key(), typ="at+jwt", **options)


SECRET_NAMES = [
    "password",
    "PASSWORD",
    "Password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "client_secret",
    "clientSecret",
    "client-secret",
    "CLIENT_SECRET",
    "api_key",
    "apiKey",
    "api-key",
    "api.key",
    "private_key",
    "privateKey",
    "_password",
    "refresh_token",
    "otp",
    "cvv",
    "credit_card",
    "ssn",
]
INNOCENT_NAMES = [
    "sub",
    "secretary",
    "password_changed_at",
    "keynote",
    "pins",
    "client_id",
    "key_id",
    "token_type",
    "session_id",
    "credits",
    "amr",
    "acr",
    "passwordless",
]
CARDS = ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005"]
NUMBERS = ["4111111111111112", "0000000000000000", "1800000000", "411111111111", "1" * 20, "4111x"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_of_a_secret_is_not_issued(name: str) -> None:
    with pytest.raises(errors.SecretInPayload, match="looks like a secret") as refusal:
        issue(claims(**{name: "hunter2"}))
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", INNOCENT_NAMES)
def test_a_name_that_only_resembles_one_is_issued(name: str) -> None:
    issue({name: "x"})


@pytest.mark.parametrize("card", [*CARDS, 4111111111111111])
def test_a_card_number_is_not_issued(card: Any) -> None:
    with pytest.raises(errors.SecretInPayload, match="card number") as refusal:
        issue(claims(order=card))
    assert "4111" not in str(refusal.value)


@pytest.mark.parametrize("number", [*NUMBERS, 1800000000, 4111111111111112, 10**30, True])
def test_other_numbers_are_issued(number: Any) -> None:
    issue({"order": number})


@dataclass
class Login:
    """A record whose fields JSON will show."""

    password: str = "x"


@pytest.mark.parametrize(
    "value",
    [
        {"password": "x"},
        [{"password": "x"}],
        {"a": {"b": {"c": {"apiKey": "x"}}}},
        [[["4111111111111111"]]],
        {"cards": [4111111111111111]},
        ({"password": "x"},),
        Login(),
    ],
    ids=repr,
)
def test_the_lint_looks_into_everything(value: Any) -> None:
    with pytest.raises(errors.SecretInPayload):
        issue({"data": value})


def test_a_name_may_be_allowed_explicitly() -> None:
    issue({"password": "x"}, allow_names={"password"})
    issue({"data": {"password": "x"}}, allow_names={"password"})
    issue({"order": "4111111111111111"}, allow_names={"order"})


def test_allowing_one_name_allows_no_other() -> None:
    with pytest.raises(errors.SecretInPayload):
        issue({"password": "x", "secret": "y"}, allow_names={"password"})


def test_an_allowed_name_covers_what_is_inside_it() -> None:
    issue({"data": {"password": "x"}}, allow_names={"data"})


def test_an_encrypted_payload_may_hold_a_secret() -> None:
    key = Key.from_secret(bytes(range(16)), alg="A128KW")
    issue(claims(password="hunter2"), encrypt_to=key)
