"""What every integration answers, whatever the framework (RFC 6750)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.guarded_apps import APPS, REALM, ROUTES, ask

from lingpai.integrations.asgi import App
from lingpai.testing import Behaviour, FakeIssuer
from lingpai.verifier import Verifier

PLAIN_CHALLENGE = f'Bearer realm="{REALM}"'
EXPRESSIBLE = {  # those that an Authorization header can carry at all
    name: bad
    for name, bad in FakeIssuer().bad_tokens().items()
    if bad.raw and bad.raw.isascii() and not any(character.isspace() for character in bad.raw)
}


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def verifier(issuer: FakeIssuer) -> Verifier:
    return issuer.verifier()


@pytest.fixture(params=APPS)
def app(request: pytest.FixtureRequest, verifier: Verifier) -> App:
    return APPS[request.param](verifier)


@pytest.fixture
def everything(issuer: FakeIssuer) -> str:
    """A token that opens every route."""
    return issuer.token(
        sub="ming", scopes=["notes:read", "notes:write"], permissions=["publish"], roles=["admin"]
    )


def challenge(**parameters: str) -> str:
    return ", ".join([PLAIN_CHALLENGE, *(f'{name}="{v}"' for name, v in parameters.items())])


# --- let in -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ROUTES)
def test_a_token_with_all_that_is_asked_is_let_in(app: App, everything: str, path: str) -> None:
    response = ask(app, path, f"Bearer {everything}")
    assert (response.status_code, response.json()) == (200, {"subject": "ming"})


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_compared_without_case(app: App, everything: str, scheme: str) -> None:
    assert ask(app, "/any", f"{scheme} {everything}").status_code == 200  # RFC 9110 section 11.1


def test_several_spaces_may_stand_before_the_token(app: App, everything: str) -> None:
    assert ask(app, "/any", f"Bearer   {everything}").status_code == 200  # RFC 6750 section 2.1


def test_an_open_route_looks_at_no_token(app: App) -> None:
    assert ask(app, "/open", "Bearer nonsense").json() == {"subject": "nobody"}


# --- no credentials -----------------------------------------------------------------------------


def test_no_token_gets_a_challenge_without_an_error(app: App) -> None:  # RFC 6750 section 3.1
    response = ask(app, "/any")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == PLAIN_CHALLENGE
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "DPoP abc", "abc", "Bearerabc x", ""])
def test_another_scheme_is_no_token(app: App, value: str) -> None:
    response = ask(app, "/any", value)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == PLAIN_CHALLENGE


def test_a_token_in_the_query_is_no_token(app: App, everything: str) -> None:
    response = ask(app, f"/any?access_token={everything}")  # RFC 6750 section 2.3: not here
    assert response.headers["www-authenticate"] == PLAIN_CHALLENGE


# --- malformed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a,b",
        'Bearer "a"',
        "Bearer é",
        "Bearer =",
        b"Bearer \xff",
    ],
)
def test_a_header_that_is_no_bearer_token_is_malformed(app: App, value: str | bytes) -> None:
    response = ask(app, "/any", value)
    assert response.status_code == 400
    assert response.headers["www-authenticate"] == challenge(
        error="invalid_request", error_description="malformed_header"
    )


def test_two_headers_are_malformed_even_if_both_are_good(app: App, everything: str) -> None:
    assert ask(app, "/any", f"Bearer {everything}", f"Bearer {everything}").status_code == 400


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPRESSIBLE)
def test_a_bad_token_is_refused_with_its_stable_code(
    app: App, issuer: FakeIssuer, name: str
) -> None:
    bad = issuer.bad_tokens()[name]
    response = ask(app, "/any", f"Bearer {bad.raw}")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == challenge(
        error="invalid_token", error_description=bad.code
    )


def test_a_refusal_tells_the_code_and_nothing_else(app: App, issuer: FakeIssuer) -> None:
    raw = issuer.token(aud="https://secret-name.test")
    response = ask(app, "/any", f"Bearer {raw}")
    assert "audience_mismatch" in response.text
    assert "secret-name" not in response.text + str(response.headers)
    assert issuer.audience not in response.text


def test_a_missing_scope_names_the_scopes_that_are_needed(app: App, issuer: FakeIssuer) -> None:
    response = ask(app, "/write", f"Bearer {issuer.token(scopes=['notes:read'])}")
    assert response.status_code == 403
    assert response.headers["www-authenticate"] == challenge(
        error="insufficient_scope",
        error_description="insufficient_scope",
        scope="notes:read notes:write",
    )


@pytest.mark.parametrize("path", ["/write", "/admin"])
def test_a_missing_permission_or_role_is_not_asked_for_by_scope(
    app: App, issuer: FakeIssuer, path: str
) -> None:
    response = ask(app, path, f"Bearer {issuer.token(scopes=['notes:read', 'notes:write'])}")
    assert response.status_code == 403
    assert response.headers["www-authenticate"] == challenge(
        error="insufficient_scope", error_description="insufficient_permission"
    )


def test_a_refused_request_is_refused_again_with_a_remembered_token(
    app: App, issuer: FakeIssuer
) -> None:
    raw = issuer.token()
    assert [ask(app, path, f"Bearer {raw}").status_code for path in ("/any", "/read", "/any")] == [
        200,
        403,
        200,
    ]


@pytest.mark.parametrize("name", APPS)
def test_without_keys_the_service_is_unavailable_and_the_token_not_to_blame(
    issuer: FakeIssuer, name: str
) -> None:
    issuer.behaviour = Behaviour.UNREACHABLE
    app = APPS[name](issuer.verifier(wait_seconds=0.05))
    response = ask(app, "/any", f"Bearer {issuer.token()}")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "www-authenticate" not in response.headers
    assert "keys_unavailable" in response.text


def test_refusals_are_counted_by_their_code(
    app: App, issuer: FakeIssuer, verifier: Verifier
) -> None:
    ask(app, "/read", f"Bearer {issuer.token()}")
    ask(app, "/admin", f"Bearer {issuer.token()}")
    ask(app, "/any", "Bearer x")
    assert verifier.stats().refused == {
        "insufficient_scope": 1,
        "insufficient_permission": 1,
        "malformed_token": 1,
    }
