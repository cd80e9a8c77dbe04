"""Which sector a client belongs to: OpenID Connect Core section 8.1."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import PUBLIC_CLIENT

from lingpai_server.core.client_settings import ClientSettings, SubjectType
from lingpai_server.core.records import Client
from lingpai_server.protocol.subjects import sector_of


def pairwise(*redirect_uris: str, sector_identifier_uri: str | None = None) -> Client:
    settings = ClientSettings(
        subject_type=SubjectType.PAIRWISE,
        redirect_uris=redirect_uris,
        sector_identifier_uri=sector_identifier_uri,
    )
    return replace(PUBLIC_CLIENT, settings=settings)


def test_client_with_public_subjects_has_no_sector() -> None:
    settings = ClientSettings(redirect_uris=("https://app.example/cb",))
    assert sector_of(replace(PUBLIC_CLIENT, settings=settings)) is None


def test_sector_is_the_one_host_of_the_redirects() -> None:
    assert sector_of(pairwise("https://App.example/a", "https://app.example:444/b")) == (
        "app.example"
    )


def test_sector_identifier_uri_comes_before_the_redirects() -> None:
    client = pairwise(
        "https://a.example/", "https://b.example/", sector_identifier_uri="https://all.example/s"
    )
    assert sector_of(client) == "all.example"


@pytest.mark.parametrize(
    "redirects",
    [
        (),
        ("https://a.example/", "https://b.example/"),
        ("com.example.app:/cb",),
        ("http://127.0.0.1/cb",),
        ("http://localhost/cb",),
        ("http://[::1]/cb",),
    ],
)
def test_client_without_a_host_of_its_own_is_a_sector_of_its_own(
    redirects: tuple[str, ...],
) -> None:
    assert sector_of(pairwise(*redirects)) == "client app"
