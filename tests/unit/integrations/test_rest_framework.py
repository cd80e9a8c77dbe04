"""Django REST framework: who is authenticated, who is permitted, and what the others are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import django_site

# isort: split
# what follows reads the settings when it is imported
from django.test import Client, override_settings
from django.urls import path
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lingpai.integrations.django import Asked
from lingpai.integrations.rest_framework import (
    HasAsked,
    HasPermissions,
    HasRoles,
    HasScopes,
    TokenAuthentication,
    TokenUser,
)
from lingpai.jwt.token import VerifiedToken
from lingpai.testing import Behaviour, FakeIssuer

assert django_site.is_configured()
REALM = "the API"


class Base(APIView):
    authentication_classes = (TokenAuthentication,)
    renderer_classes = (JSONRenderer,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user), "is_token": request.auth is not None})

    post = get


def view(*permissions: Any) -> Any:
    guarded: Any = type("Guarded", (Base,), {"permission_classes": permissions})
    return guarded.as_view()


PATTERNS = (
    path("any", Base.as_view()),
    path("open", view(AllowAny)),
    path("read", view(HasScopes("notes:read", "notes:list"))),
    path("publish", view(HasPermissions("publish"))),
    path("admin", view(HasRoles("admin"))),
    path("either", view(HasScopes("notes:read") | HasRoles("admin"))),
    path("not", view(IsAuthenticated & ~HasRoles("guest"))),
    path("pay", view(HasAsked(Asked.of(acr_values=["mfa"], max_auth_age_seconds=60)))),
    path("fresh", view(HasAsked(Asked.of(max_status_age_seconds=0.001)))),
)


def user_of(token: VerifiedToken) -> TokenUser | None:
    return None if token.subject == "unknown" else TokenUser(token)


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture(autouse=True)
def site(issuer: FakeIssuer) -> Iterator[None]:
    described = {"VERIFIER": issuer.verifier(wait_seconds=0.5), "REALM": REALM, "USER": user_of}
    without_database = {"UNAUTHENTICATED_USER": None}
    with override_settings(
        ROOT_URLCONF=PATTERNS, LINGPAI=described, REST_FRAMEWORK=without_database
    ):
        yield


def send(where: str, raw: str | None = None, method: str = "GET") -> Any:
    headers = {} if raw is None else {"authorization": f"Bearer {raw}"}
    return Client(enforce_csrf_checks=True).generic(method, where, headers=headers)


def challenge(**parameters: str) -> str:
    return ", ".join(
        [f'Bearer realm="{REALM}"', *(f'{name}="{value}"' for name, value in parameters.items())]
    )


# --- authentication -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_user_is_whom_the_token_speaks_for(issuer: FakeIssuer, method: str) -> None:
    response = send("/any", issuer.token(sub="ming"), method)
    assert (response.status_code, response.json()) == (200, {"user": "ming", "is_token": True})


def test_without_a_token_there_is_a_challenge_without_an_error() -> None:  # RFC 6750 section 3.1
    response = send("/any")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, challenge())


def test_where_anybody_may_come_nobody_needs_a_token_but_a_bad_one_is_refused(
    issuer: FakeIssuer,
) -> None:
    assert send("/open").status_code == 200
    bad = issuer.bad_tokens()["expired"]
    response = send("/open", bad.raw)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == challenge(
        error="invalid_token", error_description=bad.code
    )
    assert response.json() == {"error": "invalid_token", "error_description": bad.code}


def test_without_keys_the_service_is_unavailable(issuer: FakeIssuer) -> None:
    issuer.behaviour = Behaviour.UNREACHABLE
    with override_settings(LINGPAI={"VERIFIER": issuer.verifier(wait_seconds=0.05)}):
        response = send("/any", issuer.token())
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "WWW-Authenticate" not in response


def test_a_token_of_nobody_who_is_known_is_refused(issuer: FakeIssuer) -> None:
    response = send("/any", issuer.token(sub="unknown"))
    assert (response.status_code, response.json()) == (401, {"detail": "user_unknown"})


def test_users_are_the_same_by_issuer_and_subject(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    one, again, other = (
        TokenUser(verifier.verify(issuer.token(sub=name, permissions=["publish"])))
        for name in ("ming", "ming", "mei")
    )
    assert one == again
    assert one != other
    assert len({one, again, other}) == 2
    assert one.has_perm("publish")
    assert not one.has_perm("publish", object())
    assert not one.has_perms(["publish", "close"])
    assert one.is_authenticated
    assert not one.is_staff


# --- permission ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "granted"),
    [
        ("/read", {"scopes": ["notes:read", "notes:list"]}),
        ("/publish", {"permissions": ["publish"]}),
        ("/admin", {"roles": ["admin"]}),
        ("/either", {"roles": ["admin"]}),
        ("/either", {"scopes": ["notes:read"]}),
        ("/not", {"roles": ["admin"]}),
        ("/pay", {"acr": "mfa", "auth_time": 2**31}),
    ],
)
def test_a_token_with_what_is_asked_is_let_in(
    issuer: FakeIssuer, where: str, granted: dict[str, Any]
) -> None:
    assert send(where, issuer.token(**granted)).status_code == 200


def test_a_missing_scope_names_the_scopes_that_are_needed(issuer: FakeIssuer) -> None:
    response = send("/read", issuer.token(scopes=["notes:read"]))
    assert response.status_code == 403
    assert response["WWW-Authenticate"] == challenge(
        error="insufficient_scope",
        error_description="insufficient_scope",
        scope="notes:list notes:read",
    )


@pytest.mark.parametrize("where", ["/publish", "/admin"])
def test_a_missing_permission_or_role_is_denied(issuer: FakeIssuer, where: str) -> None:
    response = send(where, issuer.token())
    assert response.status_code == 403
    assert response.json()["error_description"] == "insufficient_permission"


def test_combined_permissions_are_denied_in_the_words_of_the_framework(issuer: FakeIssuer) -> None:
    response = send("/either", issuer.token())
    assert (response.status_code, list(response.json())) == (403, ["detail"])
    assert send("/not", issuer.token(roles=["guest"])).status_code == 403
    assert send("/either").status_code == 401


@pytest.mark.parametrize("claims", [{}, {"acr": "pwd"}, {"acr": "mfa"}, {"acr": "mfa", "ago": 90}])
def test_a_weak_or_old_login_is_told_which_would_do(  # RFC 9470 section 3
    issuer: FakeIssuer, claims: dict[str, Any]
) -> None:
    times = {"auth_time": int(time.time()) - claims["ago"]} if "ago" in claims else {}
    response = send("/pay", issuer.token(acr=claims.get("acr"), **times))
    assert response.status_code == 401
    assert response["WWW-Authenticate"].endswith('acr_values="mfa", max_age="60"')


def test_a_permission_without_a_token_asks_for_one() -> None:
    response = send("/read")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, challenge())


def test_a_route_may_ask_for_a_fresher_status_than_others() -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        assert issuer.statuses is not None
        raw = issuer.token()
        with override_settings(LINGPAI={"VERIFIER": issuer.verifier(wait_seconds=0.05)}):
            assert send("/any", raw).status_code == 200
            issuer.statuses.is_silent = True
            response = send("/fresh", raw)
    assert (response.status_code, response.json()["error_description"]) == (
        503,
        "status_unavailable",
    )
