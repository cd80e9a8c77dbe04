"""Protected resource metadata (RFC 9728): an API says who issues the tokens that it takes.

    resource = ProtectedResource("https://api.example/mcp", ["https://id.example"])

    app = BearerMiddleware(app, verifier, resource_metadata=resource.url)
    app = resource.publish(app)

A client that knows the API and nothing else asks it, is refused with a challenge that names
`resource.url`, and reads there where to get a token. Plain ASGI, so that it stands before any
framework; it knows no token and no key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lingpai.integrations.asgi import App, Receive, Scope, Send
from lingpai.verifier.urls import check_issuer, parse_url

__all__ = [
    "WELL_KNOWN_PATH",
    "ProtectedResource",
    "metadata_url",
    "protected_resource_metadata",
]

WELL_KNOWN_PATH = "/.well-known/oauth-protected-resource"
CACHE_SECONDS = 3600

_ALLOWED = "GET, HEAD, OPTIONS"


def metadata_url(resource: str) -> str:
    """Where the metadata of a resource is: the well-known part stands between its host and its
    path (section 3.1). Raises ValueError for what is no https URL, or http one on loopback."""
    url = parse_url(resource)
    path = "" if url.path == "/" else url.path
    return url.origin + WELL_KNOWN_PATH + path + (f"?{url.query}" if url.query else "")


def protected_resource_metadata(
    resource: str,
    authorization_servers: Iterable[str],
    *,
    scopes: Iterable[str] = (),
    name: str | None = None,
    documentation: str | None = None,
    dpop_bound: bool = False,
    tls_bound: bool = False,
    details_types: Iterable[str] = (),
) -> dict[str, Any]:
    """The document (section 2). `resource` is the audience of the API's tokens, which is a URL;
    `authorization_servers` are the issuers that it believes, at least one.

    `name` is for people, `documentation` the URL of a page for developers. `dpop_bound` and
    `tls_bound` say that tokens without such a binding are refused, `details_types` which
    `authorization_details` are understood. Raises ValueError for what is no such URL, TypeError for
    one string in the place of several.
    """
    metadata_url(resource)
    issuers = _several("authorization_servers", authorization_servers)
    if not issuers:
        raise ValueError("authorization_servers names none, so nobody could get a token")
    for issuer in issuers:
        check_issuer(issuer)
    if documentation is not None:
        parse_url(documentation)
    members = {
        "scopes_supported": _several("scopes", scopes),
        "resource_name": name,
        "resource_documentation": documentation,
        "dpop_bound_access_tokens_required": dpop_bound,
        "tls_client_certificate_bound_access_tokens": tls_bound,
        "authorization_details_types_supported": _several("details_types", details_types),
    }
    return {
        "resource": resource,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],  # the guards of this package look nowhere else
        **{member: value for member, value in members.items() if value},
    }


class ProtectedResource:
    """One API's metadata, its URL, and the ASGI application that answers there.

    Takes what `protected_resource_metadata` does, and raises what it raises.
    """

    __slots__ = ("_body", "_path", "metadata", "url")

    def __init__(self, resource: str, authorization_servers: Iterable[str], **members: Any) -> None:
        self.metadata: Mapping[str, Any] = protected_resource_metadata(
            resource, authorization_servers, **members
        )
        self.url = metadata_url(resource)
        self._path = parse_url(self.url).path
        self._body = json.dumps(self.metadata).encode("utf-8")

    @property
    def path(self) -> str:
        """The path of `url`, for a router."""
        return self._path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: the document. Scripts of any origin may read it, as they do before they log in."""
        del receive
        method = scope["method"]
        if method in ("GET", "HEAD"):
            await _respond(send, 200, self._body, is_head=method == "HEAD")
        elif method == "OPTIONS":
            await _respond(send, 204, b"")
        else:
            await _respond(send, 405, b"")

    def publish(self, app: App) -> App:
        """`app`, with the document at its path. Stands outside whatever asks for a token."""

        async def published(scope: Scope, receive: Receive, send: Send) -> None:
            is_here = scope["type"] == "http" and scope["path"] == self._path
            await (self if is_here else app)(scope, receive, send)

        return published


def _several(name: str, values: Iterable[str]) -> list[str]:
    if isinstance(values, str):
        raise TypeError(f"{name} is several strings, so one stands in a list as well")
    return list(dict.fromkeys(values))


async def _respond(send: Send, status: int, body: bytes, *, is_head: bool = False) -> None:
    headers = [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", _ALLOWED.encode("ascii")),
        (b"access-control-allow-headers", b"MCP-Protocol-Version"),
    ]
    if status == 200:
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", str(len(body)).encode("ascii")))
        headers.append((b"cache-control", f"public, max-age={CACHE_SECONDS}".encode("ascii")))
    else:
        headers.append((b"allow", _ALLOWED.encode("ascii")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else body})
