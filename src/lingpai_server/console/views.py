"""What each page shows, from what was decided. Refuses to know requests and use cases."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from lingpai.jose.crypto import sha256
from lingpai_server.console.catalogue import say, say_plainly, say_wait
from lingpai_server.console.languages import Language
from lingpai_server.console.page_headers import OWN_FORM, form_to, form_to_client
from lingpai_server.console.rendering import LANGUAGE_PARAMETER, Page
from lingpai_server.console.scopes import explain_details, explain_scopes
from lingpai_server.core.client_settings import ClientOrigin
from lingpai_server.core.records import Client
from lingpai_server.protocol.authorize.outcomes import (
    AuthorizationResponse,
    NeedsConsent,
    NeedsLogin,
)
from lingpai_server.protocol.device import DevicePrompt, show_user_code
from lingpai_server.protocol.end_session import AskToConfirm
from lingpai_server.protocol.errors import ErrorCode, Refusal

Hidden = tuple[tuple[str, str], ...]

_TILES = 6
_MAX_NAME_CHARS = 60
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # Persian and emoji are written with them
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_LINKS = ("client_uri", "policy_uri", "tos_uri")


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client as a page shows it: its name, and a tile in place of a picture from elsewhere."""

    name: str
    initial: str
    hue: int


@dataclass(frozen=True, slots=True)
class LoginForm:
    """What was typed before, and what is wrong with it."""

    username: str = ""
    remember: bool = False
    refusal: Refusal | None = None


def view_client(client: Client) -> ClientView:
    """The initial of the first word, on one of a few colours, always the same for a client."""
    name = readable_name(client.name) or readable_name(client.client_id)
    initial = next((char for char in name if char.isalnum()), "#")
    return ClientView(name, initial.upper()[:1], sha256(client.client_id.encode())[0] % _TILES)


def readable_name(name: str) -> str:
    """A name without what would turn it around or hide in it, and no longer than a name: what a
    stranger calls itself must not read like a sentence of ours."""
    visible = (
        char
        for char in " ".join(name.split())
        if unicodedata.category(char) not in _UNSEEN or char in _JOINERS
    )
    shown = "".join(visible).strip()
    return shown if len(shown) <= _MAX_NAME_CHARS else shown[: _MAX_NAME_CHARS - 1] + "…"


def hidden(language: Language | None, **values: str) -> Hidden:
    """The fields that a form carries along; the language only where it was chosen by hand."""
    chosen = () if language is None else ((LANGUAGE_PARAMETER, language.value),)
    return (*values.items(), *chosen)


def login_page(
    needed: NeedsLogin, form: LoginForm, language: Language, fields: Hidden, *, here: str
) -> Page:
    """Which app asks, and for what."""
    client = view_client(needed.client)
    about = "signin.again" if needed.again else "signin"
    return Page(
        "login",
        say_plainly(language, f"{about}.title"),
        language,
        {
            "client": client,
            "lead": say(language, f"{about}.to", app=client.name),
            **_login_values(form, language),
            "username": form.username or needed.username,
            "hidden": fields,
        },
        here=here,
        status=_login_status(form.refusal),
        form_action=form_to_client(needed.client),
        headers=retry_after(form.refusal),
    )


def device_login_page(form: LoginForm, language: Language, fields: Hidden, *, here: str) -> Page:
    """A login for somebody with a device in front of them: whose it is, they are told after it."""
    return Page(
        "login",
        say_plainly(language, "signin.title"),
        language,
        {
            "client": None,
            "lead": say(language, "signin.device"),
            **_login_values(form, language),
            "hidden": fields,
        },
        here=here,
        status=_login_status(form.refusal),
        form_action=OWN_FORM,
        headers=retry_after(form.refusal),
    )


def consent_page(
    needed: NeedsConsent,
    language: Language,
    fields: Hidden,
    *,
    issuer: str,
    here: str,
    other_account: str,
) -> Page:
    """What the app would have, in words; where the user goes next; who the app says it is."""
    client = view_client(needed.client)
    return Page(
        "consent",
        say_plainly(language, "consent.title"),
        language,
        {
            "client": client,
            "user": needed.user.username,
            "asked": explain_scopes(needed.scopes, needed.api, language),
            "api_name": needed.api.name,
            "details": explain_details(needed.details),
            "caution": _caution(needed.client, language, issuer),
            "destination": _destination(needed, language),
            "links": _links(needed.client, language),
            "other_account": other_account,
            "hidden": fields,
        },
        here=here,
        form_action=form_to_client(needed.client),
    )


def device_code_page(
    language: Language,
    fields: Hidden,
    *,
    here: str,
    user_code: str = "",
    refusal: Refusal | None = None,
) -> Page:
    """Where a code is typed."""
    return Page(
        "device_code",
        say_plainly(language, "device.title"),
        language,
        {
            "user_code": user_code,
            "problem": _problem(refusal, language, "device.unknown", "device.slow"),
            "wrong": _is_wrong(refusal),
            "hidden": fields,
        },
        here=here,
        status=_login_status(refusal),
        form_action=OWN_FORM,
        headers=retry_after(refusal),
    )


def device_confirm_page(
    prompt: DevicePrompt, language: Language, fields: Hidden, *, here: str, other_account: str
) -> Page:
    """The question, with the code, so that it can be compared (RFC 8628 section 5.4)."""
    client = view_client(prompt.client)
    return Page(
        "device_confirm",
        say_plainly(language, "device.title"),
        language,
        {
            "client": client,
            "user": prompt.user.username,
            "user_code": show_user_code(prompt.device.user_code),
            "asked": explain_scopes(prompt.device.scopes, prompt.api, language),
            "api_name": prompt.api.name,
            "details": explain_details(prompt.device.authorization_details),
            "links": _links(prompt.client, language),
            "other_account": other_account,
            "hidden": fields,
        },
        here=here,
        form_action=OWN_FORM,
    )


def logout_page(asked: AskToConfirm, language: Language, fields: Hidden) -> Page:
    """Whether the user wants it too."""
    client = None if asked.client is None else view_client(asked.client)
    return Page(
        "logout_confirm",
        say_plainly(language, "logout.title"),
        language,
        {"client": client, "hidden": fields},
        form_action=form_to_client(asked.client),
    )


def done_page(
    about: str, language: Language, *, good: bool = False, here: str | None = None
) -> Page:
    """Nothing is left to do here; `about` names the texts. `good` says that it was done."""
    return Page(
        "done",
        say_plainly(language, f"{about}.title"),
        language,
        {"lead": say(language, f"{about}.lead"), "good": good},
        here=here,
    )


def form_post_page(response: AuthorizationResponse, language: Language) -> Page:
    """The answer to the client as a form (OAuth 2.0 Form Post Response Mode)."""
    host = urlsplit(response.redirect_uri).netloc
    return Page(
        "form_post",
        say_plainly(language, "form_post.title", host=host),
        language,
        {
            "action": response.redirect_uri,
            "host": host,
            "hidden": tuple(response.parameters.items()),
        },
        form_action=form_to([response.redirect_uri]),
        script=True,
        referrer="strict-origin",
    )


def error_page(
    about: str, language: Language, *, status: int, refusal: Refusal | None = None
) -> Page:
    """Why it did not work, for a person; and the code, for whoever wrote the app."""
    return Page(
        "error",
        say_plainly(language, f"error.{about}.title"),
        language,
        {
            "lead": say(language, f"error.{about}.lead"),
            "hint": say(language, f"error.{about}.hint"),
            "code": None if refusal is None else refusal.code.value,
            "description": None if refusal is None else refusal.description,
        },
        status=status,
        headers=retry_after(refusal),
    )


def retry_after(refusal: Refusal | None) -> tuple[tuple[str, str], ...]:
    """RFC 9110 section 10.2.3."""
    if refusal is None or refusal.retry_after_seconds is None:
        return ()
    return (("retry-after", str(refusal.retry_after_seconds)),)


def _login_values(form: LoginForm, language: Language) -> dict[str, object]:
    return {
        "username": form.username,
        "remember": form.remember,
        "problem": _problem(form.refusal, language, "signin.wrong", "signin.slow"),
        "wrong": _is_wrong(form.refusal),
    }


def _problem(refusal: Refusal | None, language: Language, wrong: str, slow: str) -> str | None:
    if refusal is None:
        return None
    if refusal.code is ErrorCode.SLOW_DOWN:
        return say(language, slow, wait=say_wait(language, refusal.retry_after_seconds or 1))
    if refusal.code is ErrorCode.TEMPORARILY_UNAVAILABLE:
        return say(language, "signin.busy")
    return say(language, wrong)


def _is_wrong(refusal: Refusal | None) -> bool:
    """Whether what was typed is what was wrong."""
    return refusal is not None and refusal.code is ErrorCode.INVALID_GRANT


def _login_status(refusal: Refusal | None) -> int:
    """403 tells a password manager that nothing is worth keeping (RFC 9110 section 15.5.4)."""
    if refusal is None:
        return 200
    codes = {ErrorCode.SLOW_DOWN: 429, ErrorCode.TEMPORARILY_UNAVAILABLE: 503}
    return codes.get(refusal.code, 403)


def _caution(client: Client, language: Language, issuer: str) -> str | None:
    """What to know about a client that no operator has looked at."""
    if client.settings.origin is ClientOrigin.REGISTERED:
        return say(language, "consent.registered", issuer=issuer)
    if client.settings.origin is ClientOrigin.METADATA_DOCUMENT:
        return say(language, "consent.document", host=urlsplit(client.client_id).netloc)
    return None


def _destination(needed: NeedsConsent, language: Language) -> str:
    """Where the answer goes: a website, a program on this computer, or an app with a scheme."""
    host = needed.redirect_host
    if host in _LOOPBACK:
        return say(language, "consent.host.here")
    schemes = {urlsplit(uri).scheme for uri in needed.client.settings.redirect_uris}
    if host in schemes:
        return say(language, "consent.host.app", host=host)
    return say(language, "consent.host", host=host)


def _links(client: Client, language: Language) -> tuple[tuple[str, str], ...]:
    """What the client says of itself elsewhere, as plain links; never a picture from there."""
    found: Iterable[tuple[str, str | None]] = (
        (name, getattr(client.settings, name)) for name in _LINKS
    )
    return tuple(
        (say(language, f"consent.{name}"), uri)
        for name, uri in found
        if uri is not None and urlsplit(uri).scheme in {"https", "http"}
    )
