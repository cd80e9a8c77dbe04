"""htu is compared in normal form, query and fragment aside (RFC 9449 section 4.3, RFC 3986)."""

from __future__ import annotations

import pytest
from tests.support.proofs import check, proof, refused

SAME = [
    "https://api.example/orders",
    "https://api.example/orders?page=2",
    "https://api.example/orders#top",
    "https://api.example/orders?x#y?z",
    "HTTPS://api.example/orders",
    "https://API.Example/orders",
    "https://api.example:443/orders",
    "https://api.example:/orders",
    "https://api.example:0443/orders",
    "https://api.example/%6frders",
    "https://api.example/./orders",
    "https://api.example/a/../orders",
]
OTHER = [
    "https://api.example/orders/",
    "https://api.example/Orders",
    "https://api.example/",
    "https://api.example",
    "http://api.example/orders",
    "https://api.example:8443/orders",
    "https://api.example.evil/orders",
    "https://evil.example/orders",
    "https://api.example/orders%2F",
    "https://api.example//orders",
]
BROKEN = [
    "/orders",
    "api.example/orders",
    "https:/api.example/orders",
    "https:///orders",
    "ftp://api.example/orders",
    "https://user@api.example/orders",
    "https://api.example:port/orders",
    "https://api.example:99999/orders",
    "https://api.example/orders%",
    "https://api.example/orders%zz",
    "https://api.example/or ders",
    "https://api.example/orders\n",
    "https://api.example/orders\\x",
    "https://api.exämple/orders",
    "https://api.example/<orders>",
    "https://[::1/orders",
    "https://[::1]x/orders",
    "https://[]/orders",
    "https://%61pi.example/orders",
]


@pytest.mark.parametrize("htu", SAME)
def test_the_same_uri_in_another_spelling_passes(htu: str) -> None:  # check 9, RFC 3986 6.2
    check(proof(htu=htu))
    check(proof(), url=htu)


@pytest.mark.parametrize("htu", OTHER)
def test_another_uri_is_refused(htu: str) -> None:  # check 9
    refused(proof(htu=htu), "htu is")


@pytest.mark.parametrize("htu", BROKEN)
def test_what_is_no_http_uri_is_refused(htu: str) -> None:
    refused(proof(htu=htu), "htu is refused")


@pytest.mark.parametrize("url", BROKEN)
def test_a_request_url_that_is_none_is_the_callers_mistake(url: str) -> None:
    with pytest.raises(ValueError):
        check(proof(), url=url)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("https://[2001:DB8::1]:443/a", "https://[2001:db8::1]/a"),
        ("http://h:80", "http://h/"),
        ("http://h/a%c3%a9", "http://h/a%C3%A9"),
        ("http://h/%7Euser", "http://h/~user"),
        ("http://h/a/b/../../c/.", "http://h/c/"),
        ("http://h/..", "http://h/"),
        ("http://h/a/..", "http://h/"),
        ("http://h/%2e%2e/b", "http://h/b"),
    ],
)
def test_equivalent_uris_have_one_normal_form(left: str, right: str) -> None:  # RFC 3986 6.2.2
    check(proof(htu=left), url=right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("http://h/a%2Fb", "http://h/a/b"),
        ("http://h/a%252Fb", "http://h/a%2Fb"),
        ("https://h:80/", "https://h/"),
        ("http://[::1]/", "http://[::2]/"),
        ("http://h/a", "http://h/A"),
        ("http://h./", "http://h/"),
        ("http://h//a", "http://h/a"),
    ],
)
def test_uris_that_differ_stay_different(left: str, right: str) -> None:
    refused(proof(htu=left), "htu is", url=right)
