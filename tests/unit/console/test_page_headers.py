"""What a page may load, run, and send its forms to."""

from __future__ import annotations

import pytest
from tests.support.stores import a_client

from lingpai_server.console.page_headers import NO_FORM, form_to, form_to_client, page_headers
from lingpai_server.core.client_settings import ClientSettings


def policy(form_action: str = NO_FORM, *, script: bool = False) -> dict[str, str]:
    headers = dict(page_headers(form_action, script=script, referrer="same-origin"))
    directives = headers["content-security-policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


def test_nothing_is_allowed_but_own_styles_and_pictures() -> None:
    """No inline script or style, no frame, no other origin."""
    assert policy() == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


def test_script_is_allowed_where_it_is_asked_for() -> None:
    assert policy(script=True)["script-src"] == "'self'"


def test_other_windows_are_kept_apart() -> None:
    """ASVS 5.0 requirement 3.4.8."""
    headers = dict(page_headers(NO_FORM, script=False, referrer="same-origin"))
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_pages_are_kept_by_nobody() -> None:
    headers = dict(page_headers(NO_FORM, script=False, referrer="same-origin"))
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://app.example/cb", "'self' https:"),
        ("http://127.0.0.1:8080/cb", "'self' http: https:"),
        ("com.example.app:/cb", "'self' com.example.app: https:"),
        ("COM.example.app:/cb", "'self' com.example.app: https:"),
        ("javascript:alert(1)", "'self' https:"),
        ("data:text/html,x", "'self' https:"),
        ("bad;script-src *://x", "'self' https:"),
        ("no-scheme", "'self' https:"),
    ],
)
def test_form_may_lead_to_the_schemes_of_its_client_alone(uri: str, expected: str) -> None:
    assert form_to([uri]) == expected


def test_schemes_are_those_of_all_redirects_of_a_client() -> None:
    settings = ClientSettings(
        redirect_uris=("com.example.app:/cb",),
        post_logout_redirect_uris=("http://localhost/bye",),
    )
    expected = "'self' com.example.app: http: https:"
    assert form_to_client(a_client(settings=settings)) == expected


def test_form_that_belongs_to_no_client_stays_here() -> None:
    assert form_to_client(None) == "'self'"
