"""What is decided, as HTTP: every code has its status, and secrets leave in one place only."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lingpai_server.app.issuing import IssuedTokens
from lingpai_server.core.secret import Secret
from lingpai_server.http.answers import Answer
from lingpai_server.http.cookies import REFRESH_COOKIE, RepeatedCookie, read_cookie
from lingpai_server.http.render import STATUS, render_refusal, render_tokens
from lingpai_server.protocol.errors import ErrorCode, refuse

TOKENS = IssuedTokens(Secret("access"), 300, ("a", "b"), Secret("refresh"), 900, in_cookie=False)


def headers(answer: Answer, name: str) -> list[str]:
    return [value for given, value in answer.headers if given == name]


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_a_status_of_its_own_kind(code: ErrorCode) -> None:
    is_ours = code in {ErrorCode.TEMPORARILY_UNAVAILABLE, ErrorCode.SERVER_ERROR}
    assert 500 <= STATUS[code] < 600 if is_ours else 400 <= STATUS[code] < 500
    answer = render_refusal(refuse(code, reason="private", description="public"))
    assert answer.status == STATUS[code]
    assert json.loads(answer.body) == {"error": code.value, "error_description": "public"}


def test_private_reason_never_leaves() -> None:
    answer = render_refusal(refuse(ErrorCode.INVALID_GRANT, reason="private", description="x"))
    assert b"private" not in answer.body
    assert "private" not in str(answer.headers)


def test_only_a_client_that_tried_basic_is_challenged() -> None:  # RFC 6749 section 5.2
    refusal = refuse(ErrorCode.INVALID_CLIENT, reason="x")
    assert headers(render_refusal(refusal, used_basic=True), "www-authenticate")
    assert not headers(render_refusal(refusal), "www-authenticate")
    other = refuse(ErrorCode.INVALID_REQUEST, reason="x")
    assert not headers(render_refusal(other, used_basic=True), "www-authenticate")


def test_wait_is_told() -> None:
    refusal = refuse(ErrorCode.SLOW_DOWN, reason="x", retry_after_seconds=7)
    assert headers(render_refusal(refusal), "retry-after") == ["7"]


@pytest.mark.parametrize("code", [ErrorCode.SLOW_DOWN, ErrorCode.ACCESS_DENIED])
def test_a_grant_is_refused_as_the_standard_says(code: ErrorCode) -> None:  # RFC 8628 section 3.5
    assert render_refusal(refuse(code, reason="x"), of_grant=True).status == 400


def test_nonce_for_another_try_goes_out_with_the_refusal() -> None:  # RFC 9449 section 8
    refusal = replace(refuse(ErrorCode.USE_DPOP_NONCE, reason="x"), dpop_nonce="n")
    assert headers(render_refusal(refusal), "dpop-nonce") == ["n"]


def test_next_nonce_goes_out_with_the_tokens() -> None:  # RFC 9449 section 8.2
    assert headers(render_tokens(replace(TOKENS, dpop_nonce="n")), "dpop-nonce") == ["n"]
    assert not headers(render_tokens(TOKENS), "dpop-nonce")


def test_what_else_was_issued_is_told() -> None:
    answer = render_tokens(
        replace(
            TOKENS,
            token_type="DPoP",
            id_token=Secret("id"),
            authorization_details='[{"type":"a"}]',
            issued_token_type="urn:x",
        )
    )
    members = json.loads(answer.body)
    assert members["token_type"] == "DPoP"  # RFC 9449 section 5
    assert members["id_token"] == "id"  # OpenID Connect Core section 3.1.3.3
    assert members["authorization_details"] == [{"type": "a"}]  # RFC 9396 section 7
    assert members["issued_token_type"] == "urn:x"  # RFC 8693 section 2.2.1


def test_refresh_token_leaves_in_the_body_or_in_the_cookie() -> None:
    in_body = render_tokens(TOKENS)
    assert json.loads(in_body.body)["refresh_token"] == "refresh"
    assert not headers(in_body, "set-cookie")
    in_cookie = render_tokens(replace(TOKENS, in_cookie=True))
    assert "refresh_token" not in json.loads(in_cookie.body)
    assert headers(in_cookie, "set-cookie")[0].startswith("__Host-lingpai-refresh=refresh; ")


def test_scope_is_left_out_when_there_is_none() -> None:
    members = json.loads(render_tokens(replace(TOKENS, scopes=(), refresh_token=None)).body)
    assert members.keys() == {"access_token", "token_type", "expires_in"}


def test_answer_shows_no_body() -> None:
    assert "access" not in repr(render_tokens(TOKENS))


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ([], None),
        (["a=b"], None),
        (["__Host-lingpai-refresh="], None),
        (["__Host-lingpai-refresh"], None),
        (["a=b; __Host-lingpai-refresh=x; c=d"], "x"),
        (["a=b", "__Host-lingpai-refresh=x"], "x"),
        (["__Host-lingpai-refresh=x=y"], "x=y"),
        (["x__Host-lingpai-refresh=x; __host-lingpai-refresh=y"], None),
    ],
)
def test_cookie_is_read_by_its_exact_name(lines: list[str], value: str | None) -> None:
    read = read_cookie(lines, REFRESH_COOKIE)
    assert (None if read is None else read.reveal()) == value


@pytest.mark.parametrize("lines", [["__Host-lingpai-refresh=x; __Host-lingpai-refresh=x"]])
def test_cookie_that_comes_twice_is_refused(lines: list[str]) -> None:
    with pytest.raises(RepeatedCookie):
        read_cookie(lines, REFRESH_COOKIE)
