"""A login request, from the members of its JSON object to a command. Looks nothing up.

Members that are not known are ignored; of those that are, the type is checked.
"""

from __future__ import annotations

from collections.abc import Mapping

from lingpai_server.accounts.passwords import PasswordProblem, normal_password
from lingpai_server.accounts.usernames import UsernameProblem, canonical_username
from lingpai_server.protocol.client_auth import parse_client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.origin_check import check_same_origin
from lingpai_server.protocol.requests import Arrival, LoginRequest
from lingpai_server.protocol.resources import check_resource_syntax
from lingpai_server.protocol.scopes import parse_scope

_TEXT_MEMBERS = (
    *("username", "password", "resource", "scope"),
    *("client_id", "client_secret", "client_assertion_type", "client_assertion"),
)
_CLIENT_MEMBERS = ("client_id", "client_assertion")
_REQUIRED_MEMBERS = ("username", "password")


def parse_login_request(
    members: Mapping[str, object], arrival: Arrival, *, issuer: str
) -> LoginRequest | Refusal:
    """The command that the members stand for, if no foreign page sent them."""
    texts = check_same_origin(arrival, issuer) or _read_texts(members)
    if isinstance(texts, Refusal):
        return texts
    if arrival.authorization is None and texts.keys().isdisjoint(_CLIENT_MEMBERS):
        return _refuse_missing("client_id")
    client = parse_client(texts, arrival.authorization)
    if isinstance(client, Refusal):
        return client
    username, password = canonical_username(texts["username"]), normal_password(texts["password"])
    if isinstance(username, UsernameProblem):
        return _refuse(username.value, "The username is not one that can exist.")
    if isinstance(password, PasswordProblem):
        return _refuse("password_not_text", "The password is not text.")
    scopes = check_resource_syntax(texts.get("resource")) or parse_scope(texts.get("scope"))
    if isinstance(scopes, Refusal):
        return scopes
    return LoginRequest(
        client=client,
        username=username,
        password=password,
        resource=texts.get("resource"),
        scopes=scopes,
        in_cookie=members.get("cookie") is True,
        address=arrival.address,
    )


def _read_texts(members: Mapping[str, object]) -> dict[str, str] | Refusal:
    """The known members that are text; null and empty count as not sent, as in a form."""
    texts: dict[str, str] = {}
    for name in _TEXT_MEMBERS:
        value = members.get(name)
        if not isinstance(value, str | None):
            return _refuse("member_type_wrong", f"The member {name} must be a string.")
        if value:
            texts[name] = value
    if not isinstance(members.get("cookie"), bool | None):
        return _refuse("member_type_wrong", "The member cookie must be true or false.")
    for name in _REQUIRED_MEMBERS:
        if name not in texts:
            return _refuse_missing(name)
    return texts


def _refuse_missing(name: str) -> Refusal:
    return _refuse(f"{name}_missing", f"The member {name} is missing.")


def _refuse(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_REQUEST, reason=reason, description=description)
