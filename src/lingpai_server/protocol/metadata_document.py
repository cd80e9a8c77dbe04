"""Clients that are known by the URL of their metadata, decided purely.

draft-ietf-oauth-client-id-metadata-document. Whoever can publish at the URL is the client: nobody
vouches for more than its host name. No I/O, no clock, no randomness.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lingpai.jose import strict_json
from lingpai_server.core.client_settings import ClientOrigin, ClientSettings
from lingpai_server.core.records import Client
from lingpai_server.protocol.client_metadata import refuse_metadata
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.registration import Opened, narrow
from lingpai_server.protocol.registration_request import (
    Choices,
    Registration,
    parse_registration,
)
from lingpai_server.protocol.requests import ClientAuthMethod
from lingpai_server.protocol.web_url import DEFAULT_PORTS, WebUrl, parse_web_url

MAX_DOCUMENT_BYTES = 5 * 1024  # the draft's own advice
MAX_IDENTIFIER_CHARS = 512
DEFAULT_SECONDS = 3600
SHORTEST_SECONDS, LONGEST_SECONDS = 60, 86_400
# nobody shares a secret with a stranger's document; without a word the client is public
DOCUMENT_METHODS = (ClientAuthMethod.NONE, ClientAuthMethod.PRIVATE_KEY_JWT)

_DOTS = frozenset({".", "..", "%2e", ".%2e", "%2e.", "%2e%2e"})
_SECRETS = ("client_secret", "client_secret_expires_at")


def is_url(client_id: str) -> bool:
    """Whether an identifier is meant as a URL: no client that was made here has such a one."""
    return client_id.startswith(("https://", "http://"))


def parse_document_url(client_id: str) -> WebUrl | None:
    """The URL, if it may be a client's identifier: https, with a path, in one spelling, and with
    nothing in it that two readers resolve in two ways."""
    url = parse_web_url(client_id)
    if url is None or len(client_id) > MAX_IDENTIFIER_CHARS:
        return None
    segments = url.path.lower().split("/")
    if url.path in {"", "/"} or url.fragment is not None or not _DOTS.isdisjoint(segments):
        return None
    is_plain = client_id.startswith(f"https://{url.authority.lower()}/")
    names_default = url.authority.endswith(f":{DEFAULT_PORTS['https']}")
    return url if is_plain and not names_default else None


def is_json(content_type: str) -> bool:
    """`application/json`, or a kind of its own that is JSON (RFC 6839 section 3.1)."""
    kind, _, subtype = content_type.partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def parse_document(body: bytes, client_id: str, choices: Choices) -> Registration | Refusal:
    """What a document says of the client that it is the identifier of."""
    try:
        members: dict[str, Any] = strict_json.decode_object(body)
    except ValueError:
        return refuse_metadata("client_id", "leads to no JSON object")
    if members.get("client_id") != client_id:  # RFC 3986 section 6.2.1: to the letter
        return refuse_metadata("client_id", "is not the URL of the document")
    for name in _SECRETS:
        if name in members:
            return refuse_metadata(name, "is no secret in a public document")
    return parse_registration(members, ClientSettings(), choices)


def document_client(
    url: WebUrl,
    client_id: str,
    registration: Registration,
    opened: Opened,
    *,
    expires_at: int,
    now: float,
) -> Client:
    """The client of a document. Without a name of its own it is called by its host."""
    return Client(
        client_id=client_id,
        name=registration.name or url.host,
        secret_sha256=None,
        first_party=False,
        grant_types=registration.grant_types,
        scopes=narrow(registration.scopes, opened.scopes),
        audiences=opened.audiences,
        disabled=False,
        access_version=1,
        created_at=int(now),
        settings=replace(
            registration.settings,
            origin=ClientOrigin.METADATA_DOCUMENT,
            document_expires_at=expires_at,
        ),
    )


def merge_document(known: Client, published: Client) -> Client | None:
    """What takes the place of the client that is known; None if the document says nothing new, so
    that nobody's tokens look stale."""
    merged = replace(
        published,
        created_at=known.created_at,
        access_version=known.access_version,
        disabled=known.disabled,
    )
    same_age = replace(
        merged,
        settings=replace(merged.settings, document_expires_at=known.settings.document_expires_at),
    )
    return None if same_age == known else merged


def kept_seconds(max_age_seconds: int | None) -> int:
    """How long a document is taken as it was: as it says itself, within bounds."""
    wished = DEFAULT_SECONDS if max_age_seconds is None else max_age_seconds
    return min(max(wished, SHORTEST_SECONDS), LONGEST_SECONDS)
