"""What a page makes of a client: its name, its tile, where it is, what it says of itself."""

from __future__ import annotations

import pytest
from tests.support.stores import a_client, a_user, an_api

from lingpai_server.console.languages import Language
from lingpai_server.console.rendering import Renderer
from lingpai_server.console.views import consent_page, form_post_page, readable_name, view_client
from lingpai_server.core.client_settings import ClientOrigin, ClientSettings
from lingpai_server.protocol.authorize.outcomes import AuthorizationResponse, NeedsConsent

HOSTILE = '"><script>alert(1)</script><a href="'
RENDERER = Renderer("https://id.example")


def consent(
    name: str = "Corner Shop",
    client_id: str = "shop",
    *,
    redirect_host: str = "shop.example",
    scopes: tuple[str, ...] = ("openid",),
    details: str | None = None,
    **settings: object,
) -> str:
    given = {"redirect_uris": ("https://shop.example/cb",)} | settings
    client = a_client(client_id, name=name, settings=ClientSettings(**given))  # type: ignore[arg-type]  # what a test says is what it means
    needed = NeedsConsent(
        "the-ticket", client, a_user(), an_api(name=HOSTILE), scopes, details, redirect_host
    )
    page = consent_page(
        needed, Language.ENGLISH, (), issuer="id.example", here="/signin", other_account="/signin"
    )
    return RENDERER.render(page).body.decode("utf-8")


def test_name_is_text_and_nothing_else() -> None:
    page = consent(HOSTILE)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_everything_that_a_client_sends_is_text() -> None:
    details = '[{"type": "<script>", "<script>": "</dd><script>"}]'
    page = consent(HOSTILE, HOSTILE, scopes=("openid", "<script>"), details=details)
    assert "<script" not in page


def test_name_cannot_turn_the_text_around() -> None:
    assert readable_name("safe\u202eevil\u2066") == "safeevil"


def test_name_stays_on_one_line() -> None:
    assert readable_name("a\n\n\nb\t\u2028c") == "a b c"


def test_name_is_no_longer_than_a_name() -> None:
    """Or it could tell a story above the buttons."""
    shown = readable_name("This app was checked by the operator. " * 9)
    assert len(shown) == 60
    assert shown.endswith("…")


def test_name_keeps_what_languages_and_pictures_are_joined_with() -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    assert readable_name(family) == family


@pytest.mark.parametrize("name", ["", " \u200b\u202e "])
def test_client_without_a_readable_name_is_told_by_its_identifier(name: str) -> None:
    assert view_client(a_client("shop", name=name)).name == "shop"


@pytest.mark.parametrize(
    ("name", "initial"),
    [("shop", "S"), ("«Äpfel»", "Ä"), ("商店", "商"), ("!!!", "#"), ("ßa", "S")],
)
def test_tile_bears_the_first_letter(name: str, initial: str) -> None:
    assert view_client(a_client(name=name)).initial == initial


def test_tile_of_a_client_always_has_the_same_colour() -> None:
    assert view_client(a_client(name="A")).hue == view_client(a_client(name="B")).hue


def test_host_that_the_answer_goes_to_is_shown() -> None:
    """MCP authorization, 2026-07-28: consent shows the redirect's host name."""
    assert "You then go back to <bdi>shop.example</bdi>" in consent()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_is_this_computer(host: str) -> None:
    assert "a program on this computer" in consent(redirect_host=host)


def test_scheme_of_an_app_is_told_as_one() -> None:
    redirect_uris = ("com.example.app:/cb",)
    page = consent(redirect_host="com.example.app", redirect_uris=redirect_uris)
    assert "an app on this device, <bdi>com.example.app</bdi>" in page


def test_client_that_registered_itself_is_told_to_be_a_stranger() -> None:
    assert "registered itself" in consent(origin=ClientOrigin.REGISTERED)
    assert "registered itself" not in consent()


def test_client_known_by_its_metadata_is_told_by_its_host() -> None:
    page = consent(
        client_id="https://app.example/client.json", origin=ClientOrigin.METADATA_DOCUMENT
    )
    assert "<bdi>app.example</bdi>" in page


def test_links_of_a_client_tell_nobody_where_they_were_followed_from() -> None:
    page = consent(policy_uri="https://shop.example/privacy", tos_uri="https://shop.example/terms")
    for uri in ("https://shop.example/privacy", "https://shop.example/terms"):
        assert f'<a href="{uri}" rel="noreferrer noopener external" target="_blank">' in page


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "data:text/html,x", "//shop.example"])
def test_link_to_anything_but_a_website_is_left_out(uri: str) -> None:
    assert uri not in consent(client_uri=uri)


def test_picture_of_a_client_is_never_loaded() -> None:
    """A user's visit is nobody else's to know."""
    assert "logo" not in consent(logo_uri="https://shop.example/logo.png")


def test_form_post_carries_every_parameter_as_text() -> None:
    """OAuth 2.0 Form Post Response Mode section 2."""
    response = AuthorizationResponse(
        "https://shop.example/cb", "form_post", {"code": "c", "state": HOSTILE}
    )
    page = RENDERER.render(form_post_page(response, Language.ENGLISH)).body.decode("utf-8")
    assert '<input type="hidden" name="code" value="c">' in page
    assert "alert(1)</script>" not in page
    assert 'action="https://shop.example/cb"' in page
