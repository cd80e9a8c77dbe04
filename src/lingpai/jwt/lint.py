"""What must not stand in a readable payload: names of secrets, card numbers. Quotes no value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from lingpai.errors import IssueError, SecretInPayload
from lingpai.jose import strict_json

SECRET_NAMES = frozenset(
    {
        *("password", "passwd", "pwd", "passphrase", "passcode", "pin", "secret", "secrets"),
        *("client_secret", "api_key", "apikey", "api_secret", "private_key", "privatekey"),
        *("secret_key", "signing_key", "encryption_key", "access_key", "credential"),
        *("credentials", "refresh_token", "session_token", "otp", "totp_secret", "cvv", "cvc"),
        *("card_number", "credit_card", "cardnumber", "iban", "ssn", "password_hash"),
    }
)
_SEPARATORS = str.maketrans({"-": "_", " ": "_", ".": "_"})
_CARD_LENGTHS = range(13, 20)  # ISO/IEC 7812: 13 to 19 digits in use
# Digits, and what may stand between those of a card, become "0": a long run is then one search.
_DIGITS = bytes(0x30 if byte in b"0123456789 -" else 0x20 for byte in range(256))
_RUN = b"0" * min(_CARD_LENGTHS)


def check_payload(claims: Mapping[str, Any], payload: bytes, allowed: Collection[str] = ()) -> None:
    """Raises SecretInPayload if a name or a value looks like a secret, unless the name is allowed.

    A JWS is signed, not hidden: whoever holds the token reads all of it. `payload` is the same
    claims as JSON: most have nothing nested and no long number, and are not walked through. What
    is walked through is what others will read, not the objects it was made of.

    Raises IssueError for claims that a strict verifier would refuse as JSON.
    """
    if (
        payload.count(b"{") > 1
        or payload.count(b"[") > strict_json.MAX_DEPTH
        or not _are_innocent(tuple(claims))
        or _RUN in payload.translate(_DIGITS)
    ):
        _walk(read_payload(payload), allowed)


@lru_cache(maxsize=1024)
def _are_innocent(names: tuple[object, ...]) -> bool:
    """Programs issue the same few sets of claims again and again."""
    return all(isinstance(name, str) and not is_secret_name(name) for name in names)


def read_payload(payload: bytes) -> dict[str, Any]:
    """The claims as a strict verifier reads them. Raises IssueError if it would refuse to."""
    try:
        return strict_json.decode_object(payload)
    except ValueError as error:
        raise IssueError(f"no strict verifier would accept the claims: {error}") from None


def _walk(claims: Mapping[str, Any], allowed: Collection[str]) -> None:
    for name, value in claims.items():
        if name in allowed:
            continue
        if is_secret_name(name):
            raise SecretInPayload(
                f"the claim {name[:60]!r} looks like a secret in a payload that anyone can read;"
                " encrypt the token (encrypt_to=) or allow the name (allow_names=)"
            )
        _walk_value(name, value, allowed)


def _walk_value(name: str, value: Any, allowed: Collection[str]) -> None:
    if isinstance(value, (str, int)):
        _check_card(name, value)
    elif isinstance(value, dict):
        _walk(value, allowed)
    elif isinstance(value, list):
        for item in value:
            _walk_value(name, item, allowed)


def is_secret_name(name: str) -> bool:
    """Whether a claim of this name, in any spelling of its separators, would hold a secret."""
    if name in SECRET_NAMES:
        return True
    if name.islower() and name.isalpha():
        return False
    snake = "".join(f"_{c}" if c.isupper() and p.islower() else c for p, c in _pairs(name))
    return snake.translate(_SEPARATORS).strip("_").lower() in SECRET_NAMES


def _pairs(name: str) -> zip[tuple[str, str]]:
    return zip("_" + name, name, strict=False)


def _check_card(name: str, value: str | int) -> None:
    if isinstance(value, int) and value.bit_length() > 64:
        return
    digits = str(value).replace(" ", "").replace("-", "")
    if len(digits) in _CARD_LENGTHS and digits.isascii() and digits.isdigit() and luhn(digits):
        raise SecretInPayload(
            f"the claim {name[:60]!r} looks like a card number in a payload that anyone can read;"
            " encrypt the token (encrypt_to=) or allow the name (allow_names=)"
        )


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: every second digit from the right doubled, the sum a multiple of 10.

    A run of zeros passes the sum and is no card.
    """
    total = 0
    for position, character in enumerate(reversed(digits)):
        digit = int(character) << (position & 1)
        total += digit - 9 if digit > 9 else digit
    return total > 0 and total % 10 == 0
