"""The headers of a page: what it may load, run, submit to and tell others. Knows no page's text.

`form-action` is the one directive that is not simply "nothing" or "self". Chromium checks it on
every redirect that follows a submission, not on the form's target alone (measured with version
156): with `'self'`, the 303 from the login form to the client is blocked, and with the client's
origin, so is the client's own redirect from its callback to its start page, which nobody here can
know. So a form that may end at a client names schemes: https, and those of the redirect URIs that
the client registered (http for a loopback, an app's own scheme). That still keeps what a form holds
off every other scheme. Pages whose forms end here say `'self'`, and pages without forms `'none'`.
No interstitial page stands between form and client instead: a redirect to an app's own scheme is
followed only while the press of the button counts, and that would be over.

`Referrer-Policy` is `same-origin`, not `no-referrer`: the latter makes browsers send `Origin: null`
with a form of our own, and the check of where a form comes from needs the true one. The form_post
page says `strict-origin`, so that the client sees whose page posts to it; that tells no path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from lingpai_server.core.records import Client
from lingpai_server.http.answers import NO_STORE, Headers

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)  # RFC 3986 section 3.1, as urlsplit folds it
_NEVER = frozenset({"javascript", "data", "vbscript", "blob", "filesystem", "about"})

NO_FORM = "'none'"
OWN_REFERRER = "same-origin"
OWN_FORM = "'self'"


def form_to(uris: Iterable[str]) -> str:
    """`form-action` for a form whose answer may redirect to one of these URIs."""
    schemes = {"https", *(urlsplit(uri).scheme for uri in uris)} - _NEVER
    sources = sorted(f"{scheme}:" for scheme in schemes if _SCHEME.fullmatch(scheme))
    return " ".join((OWN_FORM, *sources))


def form_to_client(client: Client | None) -> str:
    """`form-action` for a form that may end at this client."""
    settings = None if client is None else client.settings
    if settings is None:
        return OWN_FORM
    return form_to((*settings.redirect_uris, *settings.post_logout_redirect_uris))


def page_headers(form_action: str, *, script: bool, referrer: str) -> Headers:
    """Everything that a page is sent with, beside what every response is. `script` lets the page
    run the script of this origin that submits its form."""
    policy = (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        *(("script-src 'self'",) if script else ()),
        f"form-action {form_action}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    return (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "; ".join(policy)),
        ("cross-origin-opener-policy", "same-origin"),
        ("referrer-policy", referrer),
        *NO_STORE,
    )
