"""What an authorization request comes to: a closed union. Refuses to know HTML and HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from lingpai_server.core.records import Api, Client, User
from lingpai_server.protocol.errors import Refusal


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """Back to the client, with a code or an error (RFC 6749 section 4.1.2); `iss` is among the
    parameters (RFC 9207). `response_mode` is `query` or `form_post`."""

    redirect_uri: str
    response_mode: str
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NeedsLogin:
    """A person has to log in first. `ticket` holds the request, sealed, until then.

    `username` is what the client hints at; `again` says that somebody is logged in and has to prove
    it anew; `ui_locales` are the languages the client asks for, best first."""

    ticket: str
    client: Client
    username: str = ""
    again: bool = False
    ui_locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NeedsConsent:
    """The user has to agree first. `scopes` are those asked for, OpenID Connect's own among them;
    `details` the JSON text of `authorization_details`; `redirect_host` where the answer goes."""

    ticket: str
    client: Client
    user: User
    api: Api
    scopes: tuple[str, ...]
    details: str | None
    redirect_host: str
    ui_locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageRefusal:
    """Client or redirect are not known to be right, so the browser stays here and reads why."""

    refusal: Refusal
    ui_locales: tuple[str, ...] = ()


AuthorizeOutcome: TypeAlias = AuthorizationResponse | NeedsLogin | NeedsConsent | PageRefusal
