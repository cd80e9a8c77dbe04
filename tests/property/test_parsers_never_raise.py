"""Whatever bytes or text come, a parser answers: a value or a refusal, never an exception."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st
from tests.support.samples import ISSUER

from lingpai_server.accounts.passwords import (
    PasswordPolicy,
    PasswordProblem,
    decide_new_password,
    normal_password,
)
from lingpai_server.accounts.phc import format_phc, parse_phc
from lingpai_server.accounts.throttle import network_of
from lingpai_server.accounts.usernames import UsernameProblem, canonical_username
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_auth import parse_client
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login_request import parse_login_request
from lingpai_server.protocol.parameters import parse_parameters
from lingpai_server.protocol.requests import Arrival, LoginRequest, PresentedClient
from lingpai_server.protocol.resources import is_resource
from lingpai_server.protocol.scopes import parse_scope

# characters of every kind, lone surrogates among them, and the ones that mean something
ANY_TEXT = st.text(st.one_of(st.characters(codec=None), st.sampled_from("%&=+:;. \x00$,")))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=5,
)
FORM_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


@given(st.binary() | ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_body_is_parameters_or_a_refusal(body: bytes) -> None:
    parameters = parse_parameters(body)
    if isinstance(parameters, dict):
        assert all(parameters.values())
        "".join([*parameters, *parameters.values()]).encode("utf-8")


@given(st.dictionaries(FORM_TEXT, FORM_TEXT, max_size=64))
def test_what_a_form_encoder_writes_reads_back(parameters: dict[str, str]) -> None:
    assert parse_parameters(urlencode(parameters).encode()) == parameters


@given(ANY_TEXT | ANY_TEXT.map("Basic {}".format))
def test_any_authorization_header_is_a_client_or_a_refusal(header: str) -> None:
    assert isinstance(parse_client({}, header), PresentedClient | Refusal)


@given(ANY_TEXT)
def test_a_scope_that_is_accepted_is_what_was_sent(text: str) -> None:
    scopes = parse_scope(text)
    if isinstance(scopes, tuple):
        assert set(scopes) == set(text.split(" "))


@given(ANY_TEXT)
def test_a_resource_that_is_accepted_is_plain_ascii(text: str) -> None:
    for candidate in (text, f"urn:{text}"):
        assert not is_resource(candidate) or (candidate.isascii() and "#" not in candidate)


MEMBER = st.sampled_from(["username", "password", "client_id", "resource", "scope", "cookie"])


@given(st.dictionaries(MEMBER, JSON))
def test_any_json_object_is_a_login_or_a_refusal(members: dict[str, object]) -> None:
    parsed = parse_login_request(members, Arrival(), issuer=ISSUER)
    assert isinstance(parsed, LoginRequest | Refusal)


@given(ANY_TEXT)
def test_the_canonical_form_of_a_name_is_stable(text: str) -> None:
    name = canonical_username(text)
    assert isinstance(name, UsernameProblem) or canonical_username(name) == name


@given(st.text(st.characters(max_codepoint=127)))
def test_names_that_differ_in_case_alone_are_one(text: str) -> None:
    assert canonical_username(text.lower()) == canonical_username(text.upper())


@given(ANY_TEXT)
def test_the_normal_form_of_a_password_is_stable_and_can_be_hashed(text: str) -> None:
    password = normal_password(text)
    if isinstance(password, Secret):
        password.reveal().encode("utf-8")
        assert normal_password(password.reveal()) == password


@given(ANY_TEXT, ANY_TEXT)
def test_any_new_password_is_taken_or_refused_with_a_reason(text: str, username: str) -> None:
    choice = decide_new_password(text, username=username, policy=PasswordPolicy())
    assert isinstance(choice, PasswordProblem) or choice == normal_password(text)


@given(ANY_TEXT | ANY_TEXT.map("$argon2id$v=19${}".format))
def test_any_phc_string_reads_back_or_is_a_value_error(text: str) -> None:
    try:
        parsed = parse_phc(text)
    except ValueError:
        return
    assert format_phc(parsed) == text


@given(ANY_TEXT | st.ip_addresses().map(str))
def test_any_address_has_a_network(address: str) -> None:
    assert network_of(address)
